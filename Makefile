# make help lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

LINT_VERSION := v2.15.0
LINT := .bin/golangci-lint
MODULES := benchmarks telemetry telemetry/rules # beside that of the library
# The modules that need a C compiler, if there is one.
CGO_MODULES := $(shell command -v $$(go env CC) >/dev/null && echo driver/confluent examples/drivers)
COVERAGE := 92
# A count, not a time: at the end of a time Go may report that as a failure (go.dev/issue/75804).
FUZZ_TIME ?= 100000x
EXPLORE_SEEDS ?= 2000
export KAFKA_PORT ?= 19092
KAFKA_ADDR = 127.0.0.1:$(KAFKA_PORT)
# Short rounds, and fewer calls outstanding, so that the whole table takes about ten minutes.
BENCH ?= -round 700ms -outstanding 200000
BENCH_PLOTS ?= charts# in benchmarks
BENCH_QUICK ?= -rounds 3 -round 300ms
BENCH_GROWTH ?= -works growth -round 500ms

.PHONY: help test race explore lint fuzz cover modules kafka kafka-stop test-kafka test-confluent asyncapi prove examples static readme readme-check api api-update bench bench-growth bench-quick check

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

test: ## the tests that need neither network nor broker
	go test ./...

race: ## the same under the race detector, in random order
	go test -race -shuffle=on -p 1 ./...

explore: ## EXPLORE_SEEDS random scenarios of failures, in virtual time
	@EXPLORE_SEEDS=$(EXPLORE_SEEDS) go test -count=1 -run '^TestExplore(Calls)?$$' -v . > .explore.log || { grep -vE '^ *(===|--- PASS)' .explore.log; exit 1; }
	@grep -E 'seeds from|explored' .explore.log

lint: $(LINT) ## golangci-lint in all modules, no issues allowed
	$(LINT) config verify
	$(LINT) run ./...
	@for module in $(MODULES) $(CGO_MODULES); do (cd $$module && $(CURDIR)/$(LINT) run ./...); done
	$(if $(CGO_MODULES),cd benchmarks && $(CURDIR)/$(LINT) run --build-tags confluent ./...)

$(LINT): Makefile
	GOBIN=$(CURDIR)/.bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
	touch $@

fuzz: ## each fuzz target, FUZZ_TIME times or for so long
	@for target in $$(grep -ohE '^func Fuzz[A-Za-z]+' internal/wire/*_test.go | cut -c6-); do \
		echo "fuzz $$target $(FUZZ_TIME)"; \
		go test ./internal/wire -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZ_TIME); \
	done

cover: ## coverage of the root package, by its own tests
	@mkdir -p .cover
	go test -coverprofile=.cover/root.out .
	@go tool cover -func=.cover/root.out | awk '/^total:/ { sub("%", "", $$3); \
		printf "coverage of the root package: %s%%, at least $(COVERAGE)%%\n", $$3; exit $$3 < $(COVERAGE) }'

modules: ## vet and test the other modules
	@for module in $(MODULES); do echo $$module; (cd $$module && go vet ./... && go test ./...); done
	cd telemetry && go test -race -shuffle=on .

kafka: ## start Apache Kafka on loopback (NODES=3 for three nodes)
	scripts/kafka start

kafka-stop: ## stop it and delete its data
	scripts/kafka stop

test-kafka: ## the tests that use Kafka, on Apache Kafka; starts and stops it if it does not run
	@if ! scripts/kafka status >/dev/null 2>&1; then scripts/kafka start; trap 'scripts/kafka stop' EXIT; fi; \
	ASYNCCALLS_KAFKA=$(KAFKA_ADDR) go test -count=1 -run Kafka -v . | tee .kafka/root.log | grep -E '^ *(---|ok|FAIL)' ; \
	ASYNCCALLS_KAFKA=$(KAFKA_ADDR) go test -count=1 -run Kafka -v ./deadletters | tee .kafka/deadletters.log | grep -E '^ *(---|ok|FAIL)' ; \
	ASYNCCALLS_KAFKA=$(KAFKA_ADDR) go test -count=1 -v ./driver/franz | tee .kafka/franz.log | grep -E '^ {0,4}(---|ok|FAIL)|--- FAIL'; \
	grep -q -- '--- PASS: TestKafkaRule31Numbering/kafka' .kafka/root.log || { echo 'the Apache Kafka tier did not run'; exit 1; }; \
	grep -q -- '--- PASS: TestKafkaReplay/kafka' .kafka/deadletters.log || { echo 'the Apache Kafka tier of deadletters did not run'; exit 1; }; \
	ASYNCCALLS_KAFKA=$(KAFKA_ADDR) go test -count=1 -v -run 'Behaviors|Kafka' ./asynccallstest ./examples/kiosk | tee .kafka/asynccallstest.log | grep -E '^ {0,4}(---|ok|FAIL)|--- FAIL'; \
	grep -q -- '--- PASS: TestBehaviors/kafka' .kafka/asynccallstest.log || { echo 'the Apache Kafka tier of the testing mode did not run'; exit 1; }; \
	ASYNCCALLS_KAFKA=$(KAFKA_ADDR) go test -count=1 -v ./internal/acurl | tee .kafka/acurl.log | grep -E '^ {0,4}(---|ok|FAIL)|--- FAIL'; \
	grep -q -- '--- PASS: TestScripts/kafka' .kafka/acurl.log || { echo 'the Apache Kafka tier of acurl did not run'; exit 1; }; \
	grep -q -- '--- PASS: TestSecurity/kafka' .kafka/acurl.log || { echo 'acurl was not tested with TLS and logins'; exit 1; }; \
	grep -q -- '--- PASS: TestDriver/kafka' .kafka/franz.log || { echo 'the Apache Kafka tier of the driver did not run'; exit 1; }

# Without a C compiler they are not there, which is a failure where CI is set.
test-confluent: ## the driver on librdkafka, on both brokers, if there is a C compiler
ifeq ($(CGO_MODULES),)
	@echo 'no C compiler: driver/confluent and examples/drivers were not tested'; [ -z "$${CI:-}" ]
else
	cd driver/confluent && go vet ./...
	cd benchmarks && go vet -tags confluent . && go test -tags confluent -run Rivals .
	cd examples/drivers && go vet . && test "$$(go run . | grep -cE '^Hello, (franz|confluent)$$')" = 2
	@mkdir -p .kafka; \
	if ! scripts/kafka status >/dev/null 2>&1; then scripts/kafka start; trap 'scripts/kafka stop' EXIT; fi; \
	(cd driver/confluent && ASYNCCALLS_KAFKA=$(KAFKA_ADDR) go test -count=1 -timeout 15m -v ./...) | tee .kafka/confluent.log | grep -E '^ {0,4}(---|ok|FAIL)|--- FAIL'; \
	grep -q -- '--- PASS: TestDriver/kafka' .kafka/confluent.log || { echo 'the Apache Kafka tier of driver/confluent did not run'; exit 1; }
endif

asyncapi: ## AsyncAPI documents conform to the official JSON Schema, which npm fetches
	@ASYNCCALLS_ASYNCAPI=$$(scripts/asyncapi-schema); export ASYNCCALLS_ASYNCAPI; \
	go test -count=1 -v ./asyncapi > .asyncapi/asyncapi.log || { grep -vE '^ *(===|--- PASS)' .asyncapi/asyncapi.log; exit 1; }; \
	go test -count=1 -v -run 'TestScripts/embedded/asyncapi' ./internal/acurl > .asyncapi/acurl.log || { grep -vE '^ *===' .asyncapi/acurl.log; exit 1; }; \
	grep -q -- '--- PASS: TestDocuments/all/official' .asyncapi/asyncapi.log || { echo 'no document was checked by the official schema'; exit 1; }; \
	grep -q -- '--- PASS: TestMutants/official' .asyncapi/asyncapi.log || { echo 'nobody has seen the official schema refuse a document'; exit 1; }; \
	grep -q -- 'stdout conforms to AsyncAPI' .asyncapi/acurl.log || { echo 'no document of acurl was checked by the official schema'; exit 1; }; \
	echo "$$(grep -c -- '--- PASS: TestDocuments/.*/official' .asyncapi/asyncapi.log) services have documents that conform to the official schema"

prove: ## processes, brokers and nodes killed and stopped at random, nothing lost (see scripts/prove)
	scripts/prove

examples: ## build the examples and look at what they print
	go vet ./examples/...
	test "$$(go run ./examples/quickstart)" = "Hello, you"
	test "$$(go run ./examples/moneybroker -pause 10ms | grep -c 'Response [1-4] for call')" = 4
	test "$$(go run ./examples/partial -pause 10ms | grep -c 'has them for')" = 3
	test "$$(go run ./examples/fanout | grep -c '^missing: ')" = 2
	test "$$(go run ./examples/shop | grep -cE ': shipped, parcel [12]$$|: is canceled$$')" = 4
	test "$$(go run ./examples/durable | grep -c '^number [01] to .*: p[ro]')" = 6

static: ## acurl is one static binary without cgo, also for other systems
	@for os in linux darwin windows; do CGO_ENABLED=0 GOOS=$$os go build -o .bin/acurl-$$os ./cmd/acurl; done
	@! ldd .bin/acurl-linux 2>/dev/null | grep -F '=>'
	@.bin/acurl-linux --version

readme: ## put the code of compiled files into README.md and the guides in docs
	go run ./scripts/snippets README.md docs/testing.md docs/operations.md

readme-check: ## fail if they show other code than the files
	go run ./scripts/snippets -check README.md docs/testing.md docs/operations.md

api: ## the difference of the exported surface to api/*.txt, and its limits
	go run ./scripts/api

api-update: ## take the exported surface as it is
	go run ./scripts/api -update

bench: ## the whole table of performance but growth, with charts; on Apache Kafka if it can be started
	@brokers=(-brokers $(KAFKA_ADDR)); \
	if ! scripts/kafka status >/dev/null 2>&1; then \
		if scripts/kafka start >/dev/null; then trap 'scripts/kafka stop' EXIT; \
		else brokers=(); echo 'Apache Kafka could not be started: this is the embedded broker' >&2; fi; \
	fi; \
	(cd benchmarks && go run $(if $(CGO_MODULES),-tags confluent) . "$${brokers[@]}" $(BENCH) -plot $(BENCH_PLOTS))

bench-growth: BENCH = $(BENCH_GROWTH)
bench-growth: bench ## how what a call costs grows, with a chart, in about six minutes

bench-quick: ## the essential five on the embedded broker, in about a minute
	@cd benchmarks && go run . $(BENCH_QUICK) -works echo1,echo1k,echo10k,stream100,stream100x100

check: lint race explore modules cover readme-check api asyncapi examples static test-kafka test-confluent prove fuzz ## everything
