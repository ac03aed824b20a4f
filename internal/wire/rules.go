package wire

// Limits of fields, in bytes as encoded.
const (
	maxVersion  = 9
	maxID       = 64
	maxRun      = 32
	maxInstance = 16
	maxService  = 100
	maxTopic    = 249
	maxEndpoint = 1024
	maxToken    = len("2147483647.") + maxInstance + len(".4294967295.4294967295")
)

// What errors say about fields that break a rule.
const (
	ruleVersion    = `does not begin with a version and a space`
	ruleKind       = `has no kind c, s, n, r or d between spaces after the version`
	ruleLength     = `is longer than any valid one`
	ruleRequest    = `is not a request`
	ruleResponse   = `is not a response`
	ruleReply      = `is not a response to an awaited request`
	ruleMissing    = `has too few fields`
	ruleMore       = `has more fields than it may`
	ruleID         = `is not 1 to 64 letters, digits, "-", "_" and ":"`
	ruleRun        = `is not 1 to 32 letters and digits`
	ruleInt32      = `is not 0 to 2147483647 in decimal`
	ruleResponseID = `is not the ID of a request, a run and a number, with "." between them`
	ruleService    = `is not 1 to 100 lower-case letters, digits and "-", the latter not at an end`
	ruleTTL        = `is not a time of up to 365 days`
	ruleNoTTL      = `is missing: an awaited request has one`
	ruleToken      = `is no token: not partition, instance, slot and generation, with "." between them`
	ruleNoToken    = `is for awaited requests and their responses only`
	ruleStatus     = `is not 200 to 399, or up to 599 at the end`
	ruleBare       = `does not fit an end without a response`
	ruleMark       = `is not "b", "e", "e" and a status from 201 to 599, or a status from 201 to 399`
	ruleTopic      = `is not 1 to 249 letters, digits, ".", "_" and "-"`
	ruleAbsent     = `is not "-", as the partition is`
	ruleOffset     = `is not 0 to 9223372036854775807 in decimal`
	ruleCount      = `is not 1 to 2147483647 in decimal`
	ruleTime       = `is not milliseconds since 1970, up to the year 9999, in decimal`

	ruleEndpointStart   = `does not begin with "/"`
	ruleEndpointLength  = `is longer than 1024 bytes as encoded`
	ruleEndpointControl = `has a control character`
	ruleEndpointUTF8    = `is not valid UTF-8`
	ruleEndpointEscape  = `does not have "%" and bytes outside of 0x21 to 0x7e, and only these, as "%XX"`
)

// ValidService returns an error unless id can be the ID of a service.
func ValidService(id string) error {
	if !isService(id) {
		return invalid("service", id, ruleService)
	}
	return nil
}

// ValidID returns an error unless id can be the ID of a request.
func ValidID(id string) error {
	if !isID(id) {
		return invalid("id", id, ruleID)
	}
	return nil
}

func isID(s string) bool {
	return s != "" && span(s, inID, maxID) == len(s)
}

func isRun(s string) bool {
	return s != "" && span(s, inWord, maxRun) == len(s)
}

func isService(s string) bool {
	return s != "" && span(s, inService, maxService) == len(s) && s[0] != '-' && s[len(s)-1] != '-'
}
