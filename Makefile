# Every target in one line each: bare `make`. The operator's commands are one program, shared/dev/operator.
# It is built and exec'd rather than `go run`: go run dies of SIGTERM without telling its child, and `kill` of
# `make run` must end everything.
operate = mkdir -p .aurora && go build -o .aurora/operator ./shared/dev/operator && exec .aurora/operator

.DEFAULT_GOAL := help
.PHONY: help run demo invoke assistant key do-not-call consent reconcile reindex report schedule backfill redrive bench test unit race fuzz fmt fmtcheck vet lint template clients build deploy clean

help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

run: ## bring up the whole bundle on this machine (PORT=3000, data in AURORA_DATA=.aurora)
	@$(operate) run

demo: ## an inbound call, a streamed turn, an end-of-call report and the week's report against the running stack
	@$(operate) demo

invoke: ## send an event to the running stack: make invoke FUNCTION=webhook EVENT=assistant-request
	@$(operate) invoke -function "$(FUNCTION)" -event "$(EVENT)"

assistant: ## check and store an assistant: make assistant FILE=assistant.json [STAGE=prod]
	@$(operate) assistant -file "$(FILE)" $(if $(STAGE),-stage "$(STAGE)")

key: ## make a key and its digest, shown once: make key [KIND=api|internal|external] [NAME=holder]
	@$(operate) key -kind "$(or $(KIND),api)" -name "$(NAME)"

do-not-call: ## put a number on the do-not-call list: make do-not-call NUMBER=+1… [REMOVE=1] [STAGE=prod]
	@$(operate) do-not-call -number "$(NUMBER)" -remove "$(REMOVE)" $(if $(STAGE),-stage "$(STAGE)")

consent: ## note that somebody agreed to be called: make consent NUMBER=+1… [REMOVE=1] [STAGE=prod]
	@$(operate) consent -number "$(NUMBER)" -remove "$(REMOVE)" $(if $(STAGE),-stage "$(STAGE)")

reconcile: ## settle the calls whose outcome nobody knows: make reconcile [STAGE=prod]
	@$(operate) reconcile $(if $(STAGE),-stage "$(STAGE)")

reindex: ## rebuild the table of calls from the bucket; again to go on: make reindex [STAGE=prod] [RETENTION_DAYS=400]
	@RETENTION_DAYS="$(RETENTION_DAYS)" && export RETENTION_DAYS && $(operate) reindex $(if $(STAGE),-stage "$(STAGE)")

report: ## have one report made, and show it: make report ASSISTANT=… PERIOD=weekly|monthly [UNTIL=2026-11-23] [RESEND=1] [STAGE=prod]
	@$(operate) report -assistant "$(ASSISTANT)" -period "$(PERIOD)" -until "$(UNTIL)" -resend "$(RESEND)" $(if $(STAGE),-stage "$(STAGE)")

schedule: ## queue everybody's reports, now: make schedule PERIOD=weekly|monthly [STAGE=prod]
	@$(operate) schedule -period "$(PERIOD)" $(if $(STAGE),-stage "$(STAGE)")

backfill: ## make the reports that are missing, and mail nobody: make backfill PERIOD=… FROM=2026-01-01 TO=… [ASSISTANT=…] [STAGE=prod]
	@$(operate) backfill -period "$(PERIOD)" -from "$(FROM)" -to "$(TO)" -assistant "$(ASSISTANT)" $(if $(STAGE),-stage "$(STAGE)")

redrive: ## send what waits in the dead-letter queues round again: make redrive [STAGE=prod]
	@$(operate) redrive $(if $(STAGE),-stage "$(STAGE)")

bench: clients ## how fast, how small and how dear, beside the alternatives, in five minutes: make bench [README=README.md]
	@$(operate) bench -readme "$(README)"

test: fmtcheck vet lint template clients ## everything that CI runs: format, vet, lint, template, race, unit, contract, clients
	go test -race ./...

unit: ## the Go tests alone, without the race detector
	go test ./...

race: ## the Go tests alone, with the race detector
	go test -race ./...

fuzz: ## every fuzzer for FUZZTIME=10s each
	@for package in $$(go list ./...); do \
	  for name in $$(go test -list '^Fuzz' $$package | grep '^Fuzz'); do \
	    echo "$$package $$name"; go test -run '^$$' -fuzz "^$$name$$" -fuzztime "$(or $(FUZZTIME),10s)" $$package || exit 1; \
	  done; \
	done

fmt: ## format the Go code
	gofmt -w functions shared

fmtcheck:
	@unformatted=$$(gofmt -l functions shared); [ -z "$$unformatted" ] || { echo "not formatted (make fmt):"; echo "$$unformatted"; exit 1; }

vet: ## go vet
	go vet ./...

lint: ## staticcheck, at the version that go.mod pins
	go tool staticcheck ./...

template: ## cfn-lint on template.yaml, where it is installed
	@if command -v cfn-lint >/dev/null; then echo cfn-lint template.yaml; cfn-lint template.yaml; \
	else echo "cfn-lint is not installed: template.yaml was not linted"; fi
	@python3 -c 'import samtranslator' 2>/dev/null || echo "the SAM translator is not installed: the translated template was not looked at"

# Other people's clients, and dynalite for the local stack: as the lock file says, no script of theirs run.
clients: shared/dev/compat/node_modules/.package-lock.json
shared/dev/compat/node_modules/.package-lock.json: shared/dev/compat/package-lock.json
	npm ci --prefix shared/dev/compat --ignore-scripts --no-audit --no-fund
	@touch $@

# Smaller and reproducible: no debug tables, no RPC mode, no version-control stamp. Paths are trimmed by template.yaml.
build: export CGO_ENABLED = 0
build: export GOFLAGS = -tags=lambda.norpc -buildvcs=false "-ldflags=-s -w"
build: ## sam build [STAGE=staging|prod]
	sam build $(if $(STAGE),--config-env "$(STAGE)")

deploy: build ## sam build and sam deploy [STAGE=staging|prod]
	sam deploy $(if $(STAGE),--config-env "$(STAGE)")

clean: ## remove what was built; the local stack's data too
	rm -rf .aurora .aws-sam shared/dev/compat/node_modules
