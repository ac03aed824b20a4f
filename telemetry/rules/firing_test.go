package rules_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Labels of series, by what they belong to.
const (
	one     = `job="shop",instance="a",asynccalls_service="shop"`
	two     = `job="shop",instance="b",asynccalls_service="shop"`
	peer    = one + `,asynccalls_peer="bank"`
	price   = one + `,asynccalls_kind="request",asynccalls_endpoint="/price"`
	handled = "asynccalls_handler_duration_seconds_count{" + price
	called  = "asynccalls_call_duration_seconds_count{" + peer
	sent    = "asynccalls_requests_sent_total{" + peer
	first   = "asynccalls_queue_duration_seconds_count{" + price
	lag     = `asynccalls_lag{messaging_destination_name="shop.requests",messaging_destination_partition_id="0",`
)

// healthy are the series of two instances that have a lot to do: calls are made and
// handled, a few fail, messages wait now and then, and are tried again.
var healthy = []string{
	called + `} 0+600x240`,
	called + `,error_type="404"} 0+300x240`,
	called + `,error_type="canceled"} 0+300x240`,
	called + `,error_type="500"} 0+6x240`,
	called + `,error_type="deadline_exceeded"} 0+6x240`,
	`asynccalls_call_duration_seconds_bucket{` + peer + `,le="0.25"} 0+595x240`,
	`asynccalls_call_duration_seconds_bucket{` + peer + `,le="0.5"} 0+600x240`,
	`asynccalls_call_duration_seconds_bucket{` + peer + `,le="+Inf"} 0+600x240`,
	sent + `} 0+1200x240`,
	sent + `,error_type="unknown_outcome"} 0+6x240`,
	handled + `} 0+600x240`,
	handled + `,error_type="500"} 0+30x240`,
	handled + `,error_type="404"} 0+600x240`,
	first + `} 0+600x240`,
	`asynccalls_queue_duration_seconds_bucket{` + price + `,le="10"} 0+590x240`,
	`asynccalls_queue_duration_seconds_bucket{` + price + `,le="3600"} 0+600x240`,
	`asynccalls_queue_duration_seconds_bucket{` + price + `,le="+Inf"} 0+600x240`,
	`asynccalls_retries_total{` + price + `} 0+30x240`,
	`asynccalls_gaps_total{` + one + `} 0x240`,
	`asynccalls_partitions_assigned{` + one + `} 4x240`,
	`asynccalls_partitions_assigned{` + two + `} 4x240`,
	`asynccalls_partitions_paused{` + one + `} 0 1 0 0 1 2 0 0 0 0 0+0x230`,
	`asynccalls_messages_ready{` + one + `} 0 90 80 0 30 40 50 60 70 80 0 0+0x230`,
	`asynccalls_messages_parked{` + one + `} 0 9 8 0 3 4 5 6 7 8 0 0+0x230`,
	lag + one + `} 10 2000 5000 10000 20000 19000 50 60 70 80 90 60 50+0x2 0+0x230`,
	`asynccalls_commits_total{` + one + `} 0+240x240`,
	`asynccalls_commits_failed_total{` + one + `} 0 0 4+0x240`,
	`asynccalls_rebalances_total{` + one + `,asynccalls_change="assigned"} 1 2 3 4 5 6+0x240`,
	`asynccalls_replies_received_total{` + one + `} 0+1200x240`,
	`asynccalls_replies_foreign_total{` + one + `} 0+9000x240`,
	`asynccalls_responses_late_total{` + one + `} 0+100x240`,
}

func TestNotFiring(t *testing.T) {
	t.Parallel()
	var d database
	d.load(t, healthy...)
	found, err := d.evaluate(t.Context(), readRules(t), 4*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Errorf("after %v: %s. %s", f.at, f.summary, f.text)
	}
}

func TestFiring(t *testing.T) {
	t.Parallel()
	const duration = 75 * time.Minute
	tests := map[string]struct {
		series []string
		want   []string // alerts, and since which minute they fire
		after  time.Duration
	}{
		"calls fail":                   {[]string{called + `} 0+180x75`, called + `,error_type="500"} 0+10x75`}, []string{"AsynccallsCallsFail since 6"}, duration},
		"calls fail, no other way":     {[]string{called + `,error_type="reply_lost"} 0+2.2x75`}, []string{"AsynccallsCallsFail since 10"}, duration},
		"calls fail, 1 in 20":          {[]string{called + `} 0+190x75`, called + `,error_type="500"} 0+10x75`}, nil, duration},
		"calls fail, 9 in 5 minutes":   {[]string{called + `,error_type="404"} 0+10x75`, called + `,error_type="500"} 0+1.8x75`}, nil, duration},
		"calls fail, once":             {[]string{called + `} 0+1x75`, called + `,error_type="500"} 0+0x30 1+0x60`}, nil, 32 * time.Minute},
		"calls fail, not long enough":  {[]string{called + `,error_type="500"} 0+0x70 0+10x10`}, nil, duration},
		"calls fail, by their callers": {[]string{called + `,error_type="404"} 0+90x75`, called + `,error_type="closed"} 0+90x75`, called + `,error_type="canceled"} 0+90x75`, called + `,error_type="500"} 0+5x75`}, nil, duration},

		"calls time out":          {[]string{called + `} 0+180x75`, called + `,error_type="deadline_exceeded"} 0+5x75`, called + `,error_type="504"} 0+5x75`}, []string{"AsynccallsCallsTimeOut since 6"}, duration},
		"calls time out, 1 in 20": {[]string{called + `} 0+190x75`, called + `,error_type="deadline_exceeded"} 0+10x75`}, nil, duration},

		"calls time out, 11 in 5 minutes": {[]string{called + `,error_type="504"} 0+2.2x75`}, []string{"AsynccallsCallsTimeOut since 10"}, duration},
		"calls time out, 9 in 5 minutes":  {[]string{called + `} 0+10x75`, called + `,error_type="504"} 0+1.8x75`}, nil, duration},

		"calls get slow, 110 in 5 minutes": {slow(60, 160, 22, "0.25", "1.25"), []string{"AsynccallsCallsSlow since 76"}, 140 * time.Minute},
		"calls get slow, 90 in 5 minutes":  {slow(60, 160, 18, "0.25", "1.25"), nil, 140 * time.Minute},
		"calls get slow":                   {slow(60, 160, 100, "0.25", "1.25"), []string{"AsynccallsCallsSlow since 76"}, 140 * time.Minute},
		"calls get slow, a short time":     {slow(60, 160, 100, "0.25", "1.25"), nil, 70 * time.Minute},
		"calls are always slow":            {slow(0, 240, 100, "0.25", "1.25"), nil, 140 * time.Minute},

		"calls get slow, below a second":       {slow(60, 160, 100, "0.2", "1"), nil, 140 * time.Minute},
		"calls get slow, less than four times": {slow(60, 160, 100, "0.5", "1.9"), nil, 140 * time.Minute},

		"requests are not stored":                  {[]string{sent + `} 0+180x75`, sent + `,error_type="unknown_outcome"} 0+10x75`}, []string{"AsynccallsSendsFail since 6"}, duration},
		"requests are not stored, 1 in 20":         {[]string{sent + `} 0+190x75`, sent + `,error_type="_OTHER"} 0+10x75`}, nil, duration},
		"requests are not stored, 11 in 5 minutes": {[]string{sent + `,error_type="_OTHER"} 0+2.2x75`}, []string{"AsynccallsSendsFail since 10"}, duration},
		"requests are not stored, 9 in 5 minutes":  {[]string{sent + `,error_type="400"} 0+10x75`, sent + `,error_type="_OTHER"} 0+1.8x75`}, nil, duration},
		"requests are refused by hooks":            {[]string{sent + `} 0+90x75`, sent + `,error_type="400"} 0+90x75`, sent + `,error_type="_OTHER"} 0+5x75`}, nil, duration},

		"a slow reader, the first":   {[]string{called + `} 0+1x75`, called + `,error_type="slow_reader"} _x70 1x10`}, []string{"AsynccallsSlowReaders since 70"}, duration},
		"a slow reader more":         {[]string{called + `,error_type="slow_reader"} 1x80 2x50`}, []string{"AsynccallsSlowReaders since 81"}, 100 * time.Minute},
		"a slow reader, an hour ago": {[]string{called + `} 0+1x75`, called + `,error_type="slow_reader"} _x10 1x200`}, nil, duration},

		"a service is gone":               {[]string{`asynccalls_partitions_assigned{` + one + `} 4x50`, `asynccalls_partitions_assigned{` + two + `} 4x50`}, []string{"AsynccallsServiceGone since 60"}, duration},
		"a service has no partition":      {[]string{`asynccalls_partitions_assigned{` + one + `} 4x60 0x50`}, []string{"AsynccallsServiceGone since 66"}, duration},
		"an instance is gone":             {[]string{`asynccalls_partitions_assigned{` + one + `} 4x50`, `asynccalls_partitions_assigned{` + two + `} 4x90`}, nil, duration},
		"a service only calls":            {[]string{`asynccalls_partitions_assigned{` + one + `} 0x90`}, nil, duration},
		"a service was gone all the hour": {[]string{`asynccalls_partitions_assigned{` + one + `} 4x5 0x90`}, nil, duration},

		"messages wait":                  {waiting("94", "100"), []string{"AsynccallsMessagesWaitLong since 11"}, duration},
		"messages wait, 1 in 20":         {waiting("95", "100"), nil, duration},
		"messages wait, 11 in 5 minutes": {waiting("2.068", "2.2"), []string{"AsynccallsMessagesWaitLong since 15"}, duration},
		"messages wait, 9 in 5 minutes":  {waiting("1.692", "1.8"), nil, duration},
		"handlers are busy":              {[]string{`asynccalls_messages_ready{` + one + `} 1x90`}, []string{"AsynccallsHandlersSaturated since 15"}, duration},
		"handlers are busy, mostly":      {[]string{`asynccalls_messages_ready{` + one + `} 9x65 0 9x20`}, nil, duration},
		"attempts fail":                  {[]string{handled + `} 0+70x75`, handled + `,error_type="500"} 0+30x75`}, []string{"AsynccallsAttemptsFail since 11"}, duration},
		"attempts fail, 1 in 5":          {[]string{handled + `} 0+80x75`, handled + `,error_type="500"} 0+20x75`}, nil, duration},
		"attempts fail, 11 in 5 minutes": {[]string{handled + `,error_type="500"} 0+2.2x75`}, []string{"AsynccallsAttemptsFail since 15"}, duration},
		"attempts fail, 9 in 5 minutes":  {[]string{handled + `} 0+5x75`, handled + `,error_type="500"} 0+1.8x75`}, nil, duration},
		"attempts fail, by the callers":  {[]string{handled + `,error_type="404"} 0+80x75`, handled + `,error_type="revoked"} 0+20x75`, handled + `,error_type="500"} 0+5x75`}, nil, duration},
		"messages are parked":            {[]string{`asynccalls_messages_parked{` + one + `} 1x90`}, []string{"AsynccallsMessagesParked since 30"}, duration},
		"messages are parked, mostly":    {[]string{`asynccalls_messages_parked{` + one + `} 9x50 0 9x40`}, nil, duration},

		"nothing is committed":               {[]string{lag + one + `} 5x90`, `asynccalls_commits_total{` + one + `} 7x90`}, []string{"AsynccallsLagStuck since 20", "AsynccallsNotCommitting since 11"}, duration},
		"nothing is committed by one of two": {[]string{lag + one + `} 9 8x56 5x90`, `asynccalls_commits_total{` + one + `} 7x90`, lag + two + `} 1 0 1 0+0x80`, `asynccalls_commits_total{` + two + `} 0+9x90`}, []string{"AsynccallsNotCommitting since 11"}, duration},
		"nothing is to be committed":         {[]string{lag + one + `} 0x90`, `asynccalls_commits_total{` + one + `} 7x90`}, nil, duration},
		"a commit now and then":              {[]string{lag + one + `} 9 8x50 7x8 6x8 5x8`, `asynccalls_commits_total{` + one + `} 7x50 8x8 9x8 10x8`}, nil, duration},
		"the lag of a partition grows":       {[]string{lag + one + `} 1+9x90`, `asynccalls_commits_total{` + one + `} 0+9x90`}, []string{"AsynccallsLagStuck since 20"}, duration},
		"the lag falls now and then":         {[]string{lag + one + `} 1+9x60 300+9x30`, `asynccalls_commits_total{` + one + `} 0+9x90`}, nil, duration},
		"partitions are paused":              {[]string{`asynccalls_partitions_paused{` + one + `} 1x90`}, []string{"AsynccallsPartitionsPaused since 15"}, duration},
		"partitions are paused, mostly":      {[]string{`asynccalls_partitions_paused{` + one + `} 1x65 0 1x20`}, nil, duration},

		"a dead letter, the first":            {[]string{`asynccalls_dead_letters_total{` + price + `} _x70 1x10`}, []string{"AsynccallsDeadLetters since 70"}, duration},
		"a dead letter more":                  {[]string{`asynccalls_dead_letters_total{` + price + `} 7x80 8x50`}, []string{"AsynccallsDeadLetters since 81"}, 100 * time.Minute},
		"a dead letter after a restart":       {[]string{`asynccalls_dead_letters_total{` + price + `} 7x69 1x10`}, []string{"AsynccallsDeadLetters since 70"}, duration},
		"dead letters of long ago":            {[]string{`asynccalls_dead_letters_total{` + price + `} 7x240`}, nil, duration},
		"dead letters, not scraped a while":   {[]string{`asynccalls_dead_letters_total{` + price + `} 7x50 _x20 7x50`}, nil, duration},
		"many dead letters":                   {[]string{`asynccalls_dead_letters_total{` + price + `} 0+12x90`, first + `} 0+100x90`}, []string{"AsynccallsDeadLetterFlood since 7", "AsynccallsDeadLetters since 1"}, duration},
		"many dead letters, 1 in 10":          {[]string{`asynccalls_dead_letters_total{` + price + `} 0+10x90`, first + `} 0+100x90`}, []string{"AsynccallsDeadLetters since 1"}, duration},
		"many dead letters, 22 in 10 minutes": {[]string{`asynccalls_dead_letters_total{` + price + `} 0+2.2x90`, first + `} 0+20x90`}, []string{"AsynccallsDeadLetterFlood since 15", "AsynccallsDeadLetters since 1"}, duration},
		"many dead letters, 18 in 10 minutes": {[]string{`asynccalls_dead_letters_total{` + price + `} 0+1.8x90`, first + `} 0+2x90`}, []string{"AsynccallsDeadLetters since 1"}, duration},
		"messages are lost":                   {[]string{`asynccalls_gaps_total{` + one + `} _x70 1x10`}, []string{"AsynccallsMessagesLost since 70"}, duration},
		"messages are lost again":             {[]string{`asynccalls_gaps_total{` + one + `} 1x70 2x10`}, []string{"AsynccallsMessagesLost since 71"}, duration},
		"messages were lost long ago":         {[]string{`asynccalls_gaps_total{` + one + `} 1x240`}, nil, duration},

		"commits fail":                    {[]string{`asynccalls_commits_failed_total{` + one + `} 0+0.6x90`}, []string{"AsynccallsCommitsFail since 19"}, duration},
		"commits fail, five times":        {[]string{`asynccalls_commits_failed_total{` + one + `} 0+0.5x90`}, nil, duration},
		"rebalances do not end":           {[]string{`asynccalls_rebalances_total{` + one + `,asynccalls_change="assigned"} 0+0.4x90`}, []string{"AsynccallsRebalancesOften since 43"}, duration},
		"rebalances of a deployment":      {[]string{`asynccalls_rebalances_total{` + one + `,asynccalls_change="assigned"} 1x50 1+2x20 41x90`}, nil, duration},
		"rebalances, five times":          {[]string{`asynccalls_rebalances_total{` + one + `,asynccalls_change="assigned"} 0+0.33x90`, `asynccalls_rebalances_total{` + one + `,asynccalls_change="revoked"} 0+9x90`}, nil, duration},
		"responses are for others":        {[]string{`asynccalls_replies_foreign_total{` + one + `} 0+6600x90`, `asynccalls_replies_received_total{` + one + `} 0+800x90`}, []string{"AsynccallsForeignReplies since 44"}, duration},
		"responses are for others, eight": {[]string{`asynccalls_replies_foreign_total{` + one + `} 0+8000x90`, `asynccalls_replies_received_total{` + one + `} 0+1000x90`}, nil, duration},
		"responses are for others, few":   {[]string{`asynccalls_replies_foreign_total{` + one + `} 0+5900x90`, `asynccalls_replies_received_total{` + one + `} 0+1x90`}, nil, duration},
		"responses are late":              {[]string{`asynccalls_responses_late_total{` + one + `} 0+4x90`, `asynccalls_replies_received_total{` + one + `} 0+15x90`}, []string{"AsynccallsLateResponses since 43"}, duration},
		"responses are late, 1 in 4":      {[]string{`asynccalls_responses_late_total{` + one + `} 0+25x90`, `asynccalls_replies_received_total{` + one + `} 0+100x90`}, nil, duration},
		"responses are late, few":         {[]string{`asynccalls_responses_late_total{` + one + `} 0+3x90`, `asynccalls_replies_received_total{` + one + `} 0+3x90`}, nil, duration},
	}
	rules := readRules(t)
	fired := map[string]bool{}
	for name, tt := range tests {
		for _, alert := range tt.want {
			fired[strings.Fields(alert)[0]] = true
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var d database
			d.load(t, tt.series...)
			found, err := d.evaluate(t.Context(), rules, tt.after)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			since, last := map[string]time.Duration{}, map[string]time.Duration{}
			for _, f := range found {
				if before, ok := last[f.alert]; !ok || f.at > before+step {
					since[f.alert] = f.at
				}
				if last[f.alert] = f.at; f.at < tt.after {
					continue
				}
				got = append(got, fmt.Sprintf("%s since %d", f.alert, since[f.alert]/time.Minute))
				t.Logf("%s. %s", f.summary, f.text)
				if text := f.summary + f.text; strings.Contains(text, "<no value>") || strings.Contains(text, "  ") || !strings.Contains(text, "shop") {
					t.Errorf("text of %s has gaps: %q", f.alert, text)
				}
			}
			slices.Sort(got)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("alerts (-want +got):\n%s", diff)
			}
		})
	}
	for _, r := range rules {
		if r.Alert != "" && !fired[r.Alert] {
			t.Errorf("no test has %s fire", r.Alert)
		}
	}
}

// waiting returns series of messages, of which all arrive each minute, and so many wait
// for less than half a minute.
func waiting(quick, all string) []string {
	bucket := "asynccalls_queue_duration_seconds_bucket{" + price
	return []string{
		bucket + `,le="30"} 0+` + quick + `x90`, bucket + `,le="60"} 0+` + all + `x90`, bucket + `,le="+Inf"} 0+` + all + `x90`,
		first + `} 0+` + all + `x90`,
	}
}

// slow returns series of calls, so many each minute, that take as long as the one time,
// and between two minutes as long as the other.
func slow(from, to, each int, before, then string) []string {
	bucket := "asynccalls_call_duration_seconds_bucket{" + peer
	all := fmt.Sprintf("0+%dx240", each)
	return []string{
		bucket + `,le="0.1"} 0x240`,
		bucket + `,le="` + before + `"} ` + fmt.Sprintf("0+%dx%d %d+0x%d", each, from, each*from, to-from),
		bucket + `,le="` + then + `"} ` + all, bucket + `,le="+Inf"} ` + all, called + `} ` + all,
	}
}
