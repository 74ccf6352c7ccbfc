# Run `make` alone for a list of the targets. The operator's commands are one program, shared/dev/operator. It is built and
# then replaces the shell (exec): `go run` would end on SIGTERM without telling its child, and stopping `make run` must stop
# the whole stack. Git may call the checkout "dubious" (it belongs to another user, as in a container): then go cannot
# read the version control's state, and -buildvcs=false keeps that from failing the build.
data = $(or $(AURORA_DATA),.aurora)
operate = { mkdir -p "$(data)" && [ -w "$(data)" ] || { \
  echo "The folder $(data) cannot be written. Choose another with AURORA_DATA, such as AURORA_DATA=/tmp/aurora make run." >&2; exit 1; }; } && \
  go build -buildvcs=false -o "$(data)/operator" ./shared/dev/operator && exec "$(data)/operator"

# skipped prints why a check is left out, and adds the reason to the list that make test prints.
skipped = { echo "$(1)"; [ -z "$$SKIPPED_CHECKS" ] || echo "$@: $(1)" >> "$$SKIPPED_CHECKS"; }

.DEFAULT_GOAL := help
.PHONY: help run demo call phone-day sms invoke event assistant key do-not-call consent reconcile reindex report schedule backfill redrive find erase export export-assistants import-assistants revoke-links smoke bench test unit race fuzz fmt checks fmtcheck vet lint vulnerabilities template clients build release deploy clean go-version node-version stage-exists alarm-topic

# Checks that other targets depend on. Each ends with a sentence that says what to do.

go-version:
	@need=$$(sed -n 's/^go //p' go.mod); have=$$(go version 2>/dev/null | sed -n 's/.* go\([0-9][0-9.]*\).*/\1/p'); \
	lower=$$(printf '%s\n' "$$need" "$$have" | sort -t. -k1,1n -k2,2n -k3,3n | head -n 1); \
	[ -n "$$have" ] && [ "$$lower" = "$$need" ] || { \
	  echo "Go $$need or later is needed, and $${have:-none} was found. Install it from https://go.dev/dl/ and put it on the PATH." >&2; exit 1; }

node-version:
	@have=$$(node --version 2>/dev/null | sed 's/^v//'); major=$${have%%.*}; \
	[ "$${major:-0}" -ge 20 ] || { \
	  echo "Node 20 or later is needed, and $${have:-none} was found. Install it from https://nodejs.org/ and put it on the PATH." >&2; exit 1; }

# The stages that can be named are the configurations of samconfig.toml. Without STAGE, sam takes the default one: dev.
stage-exists:
	@[ -z "$(STAGE)" ] && exit; stages=$$(sed -n 's/^\[\(.*\)\.deploy\.parameters\]$$/\1/p' samconfig.toml | grep -v '^default$$'); \
	for stage in $$stages; do [ "$$stage" = "$(STAGE)" ] && exit; done; \
	echo "samconfig.toml has no stage \"$(STAGE)\". Leave STAGE out for a stack of your own (stage dev), or use STAGE=$$(echo $$stages | sed 's/ / or STAGE=/g')." >&2; exit 1

run demo call sms invoke event assistant key do-not-call consent reconcile reindex report schedule backfill redrive find erase export export-assistants import-assistants revoke-links smoke bench: go-version
test unit race fuzz vet lint build phone-day: go-version
build: stage-exists

help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-17s %s\n", $$1, $$2}' Makefile

run: ## start the whole stack on this machine (PORT=3000, data in AURORA_DATA=.aurora)
	@$(operate) run

demo: ## play one story against the running stack: an inbound call, streamed turns, an end-of-call report, the week's report
	@$(operate) demo

call: ## be a caller by typing: make call [TEXT="hello|/after 5 stop|/press 12#|goodbye"] [NUMBER=+15551230100] [FROM=+1…] [TRANSFER=busy]; without TEXT type the lines
	@$(operate) call -text "$$TEXT" -number "$(NUMBER)" -from "$(FROM)" -transfer "$(TRANSFER)"

sms: ## text an assistant of the running stack, and print the answer: make sms TEXT="Are you open?" [NUMBER=+15551230100] [FROM=+1…]
	@$(operate) sms -text "$$TEXT" -number "$(NUMBER)" -from "$(FROM)"

invoke: ## send an event file to a function of the running stack: make invoke FUNCTION=webhook EVENT=assistant-request
	@$(operate) invoke -function "$(FUNCTION)" -event "$(EVENT)"

event: ## write a case of a function's tests as an event: make event FUNCTION=webhook CASE="tool calls in parallel"
	@$(operate) event -function "$(FUNCTION)" -case "$(CASE)"

assistant: ## check and publish an assistant: make assistant FILE=assistant.json [NOTE="why"] [STAGE=prod]
	@$(operate) assistant -file "$(FILE)" -note "$$NOTE" $(if $(STAGE),-stage "$(STAGE)")

key: ## create a key, shown once: make key [KIND=api|internal|external] [NAME=holder] [ROLE=viewer|editor|admin] [ASSISTANTS=id,…] [USES=chat|webhook] [EXPIRES=2027-01-01T00:00:00Z] [LIMITS=chatTurnsPerMinute=60,…] [SIGNATURE=vapi-hmac|retell] [WRITE=1 to store it]; or LIST=1, REMOVE=name|id, RESTORE=1 [STAGE=prod]
	@$(operate) key -kind "$(KIND)" -name "$(NAME)" -role "$(ROLE)" -assistants "$(ASSISTANTS)" -uses "$(USES)" -expires "$(EXPIRES)" -limits "$(LIMITS)" -signature "$(SIGNATURE)" -write "$(WRITE)" -list "$(LIST)" -remove "$(REMOVE)" -restore "$(RESTORE)" $(if $(STAGE),-stage "$(STAGE)")

do-not-call: ## add a number to the do-not-call list: make do-not-call NUMBER=+1… [REGION=US] [REMOVE=1] [STAGE=prod]
	@$(operate) do-not-call -number "$(NUMBER)" -region "$(REGION)" -remove "$(REMOVE)" $(if $(STAGE),-stage "$(STAGE)")

consent: ## record that a person agreed to be called: make consent NUMBER=+1… [REGION=US] [REMOVE=1] [STAGE=prod]
	@$(operate) consent -number "$(NUMBER)" -region "$(REGION)" -remove "$(REMOVE)" $(if $(STAGE),-stage "$(STAGE)")

reconcile: ## ask the provider about the calls whose outcome is unknown: make reconcile [STAGE=prod]
	@$(operate) reconcile $(if $(STAGE),-stage "$(STAGE)")

reindex: ## rebuild the calls table from the bucket; run it again to resume: make reindex [STAGE=prod] [RETENTION_DAYS=400]
	@RETENTION_DAYS="$(RETENTION_DAYS)" && export RETENTION_DAYS && $(operate) reindex $(if $(STAGE),-stage "$(STAGE)")

report: ## make one report and show it: make report ASSISTANT=… PERIOD=weekly|monthly [UNTIL=2026-11-23] [RESEND=1] [STAGE=prod]
	@$(operate) report -assistant "$(ASSISTANT)" -period "$(PERIOD)" -until "$(UNTIL)" -resend "$(RESEND)" $(if $(STAGE),-stage "$(STAGE)")

schedule: ## queue the reports of all assistants now: make schedule PERIOD=weekly|monthly [STAGE=prod]
	@$(operate) schedule -period "$(PERIOD)" $(if $(STAGE),-stage "$(STAGE)")

backfill: ## make the reports that are missing, without mails: make backfill PERIOD=… FROM=2026-01-01 TO=… [ASSISTANT=…] [STAGE=prod]
	@$(operate) backfill -period "$(PERIOD)" -from "$(FROM)" -to "$(TO)" -assistant "$(ASSISTANT)" $(if $(STAGE),-stage "$(STAGE)")

find: ## print everything about one call: make find CALL=<any id of it> [STAGE=prod] [SINCE=<days>]
	@$(operate) find -call "$$CALL" $(if $(STAGE),-stage "$(STAGE)") $(if $(SINCE),-since "$(SINCE)")

redrive: ## move the messages of the dead-letter queues back, show them or drop some: make redrive [SHOW=1] [LIMIT=n] [DROP=id,…] [QUEUE=calls|raw|reports|phone-tasks|messages] [STAGE=prod]
	@$(operate) redrive -show "$(SHOW)" -limit "$(LIMIT)" -drop "$(DROP)" -queue "$(QUEUE)" $(if $(STAGE),-stage "$(STAGE)")

revoke-links: ## end the links of one report, or of all: make revoke-links REPORT=number|ALL=1 [STAGE=prod]
	@$(operate) revoke-links -report "$(REPORT)" -all "$(ALL)" $(if $(STAGE),-stage "$(STAGE)")

erase: ## erase one person's data; run it again to resume: make erase NUMBER=+1… [REGION=US] [DRY_RUN=1] [STAGE=prod]
	@$(operate) erase -number "$(NUMBER)" -region "$(REGION)" -dry-run "$(DRY_RUN)" $(if $(STAGE),-stage "$(STAGE)")

export-assistants: ## write all assistants to a file: make export-assistants [STAGE=prod]
	@$(operate) export-assistants $(if $(STAGE),-stage "$(STAGE)")

import-assistants: ## store the assistants of an export that the table lacks: make import-assistants FILE=… [REPLACE=1] [STAGE=prod]
	@$(operate) import-assistants -file "$(FILE)" -replace "$(REPLACE)" $(if $(STAGE),-stage "$(STAGE)")

export: ## write one person's data to an archive: make export NUMBER=+1… [REGION=US] [STAGE=prod]
	@$(operate) export -number "$(NUMBER)" -region "$(REGION)" $(if $(STAGE),-stage "$(STAGE)")

smoke: ## check the whole stack from outside, after a deployment: make smoke [MAIL=you@example.com] [NUMBER=+1…] [SKIP=chat,webhook,reports,calls,hyperscale] [TIMEOUT=5m] [STAGE=prod]
	@$(operate) smoke -mail "$(MAIL)" -number "$(NUMBER)" -skip "$(SKIP)" -timeout "$(TIMEOUT)" $(if $(STAGE),-stage "$(STAGE)")

bench: clients ## measure speed, size and cost beside the alternatives, in five minutes: make bench [README=shared/docs/benchmarks.md] [ONLY=first-words]
	@$(operate) bench -readme "$(README)" -only "$(ONLY)"

# Checks that need something this machine does not have write a line into the file SKIPPED_CHECKS (see testkit.SkipCheck).
# make test prints those lines last, whether the checks passed or failed.
test: export SKIPPED_CHECKS = $(abspath $(data))/skipped-checks
test: ## everything that CI runs: format, vet, lint, vulnerabilities, template, race, unit, contract, clients
	@mkdir -p "$(data)" && : > "$$SKIPPED_CHECKS"
	@$(MAKE) --no-print-directory checks; status=$$?; \
	if [ -s "$$SKIPPED_CHECKS" ]; then echo; echo "Skipped checks:"; sort -u "$$SKIPPED_CHECKS" | sed 's/^/  /'; \
	else echo; echo "No check was skipped."; fi; exit $$status

# The tests of shared/dev/operator start a whole stack many times: five minutes on two cores, and on a busy machine more than the
# ten minutes that go test gives a package.
checks: fmtcheck vet lint vulnerabilities template clients
	go test -race -shuffle=on -timeout 20m ./...

unit: ## the Go tests alone, without the race detector
	go test ./...

race: ## the Go tests alone, with the race detector
	go test -race -timeout 20m ./...

phone-day: clients ## 500 phone calls against the whole stack, up to 25 at once, with interruptions and lost connections: make phone-day [CALLS=500]
	PHONE_DAY_CALLS="$(or $(CALLS),500)" PHONE_DAY_AT_ONCE=25 PHONE_DAY_SPEED=2 go test -count=1 -v -timeout 60m -run TestDay ./shared/dev/phoneday

fuzz: ## run every fuzzer for FUZZTIME=10s
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

lint: ## staticcheck, at the version of go.mod
	go tool staticcheck ./...

# govulncheck ends with 3 if the code calls something vulnerable, and with 1 if it cannot read the database.
vulnerabilities: ## govulncheck, at the version of go.mod: known vulnerabilities in what the code calls
	@echo "go tool govulncheck ./..."; out=$$(go tool govulncheck ./... 2>&1); status=$$?; printf '%s\n' "$$out"; \
	case "$$status $$out" in \
	  0\ *) ;; \
	  1\ *"fetching vulnerabilities"*) $(call skipped,the vulnerability database cannot be reached: known vulnerabilities were not checked) ;; \
	  *) exit 1 ;; \
	esac

template: ## cfn-lint on template.yaml, if it is installed
	@if command -v cfn-lint >/dev/null; then echo cfn-lint template.yaml; cfn-lint template.yaml; \
	else $(call skipped,cfn-lint (pip install cfn-lint) is not installed: template.yaml was not linted); fi

# The clients of other people and dynalite, at the versions of the lock file. Their install scripts do not run.
clients: shared/dev/compat/node_modules/.package-lock.json
shared/dev/compat/node_modules/.package-lock.json: shared/dev/compat/package-lock.json | node-version
	npm ci --prefix shared/dev/compat --ignore-scripts --no-audit --no-fund
	@touch $@

# A production stage without a topic would raise alarms that reach no person. A stage is one of production if it, or the parameter
# Stage of its section in samconfig.toml, begins with "prod". Comments in the file do not count.
alarm-topic: name = $(or $(STAGE),default)
alarm-topic: stage-exists
	@[ -z "$(NO_ALARM_TOPIC)" ] || exit 0; \
	section=$$(sed -n '/^\[$(name)\.deploy\.parameters\]/,/^\[.*\.parameters\]/p' samconfig.toml | sed '1!{/^\[/d;}; s/^[[:space:]]*#.*//; s/"[[:space:]]*#.*/"/'); \
	case "$(name)$$(printf '%s' "$$section" | sed -n 's/.*[^A-Za-z]Stage=\(prod\).*/ \1/p')" in prod*|*\ prod) ;; *) exit 0 ;; esac; \
	printf '%s' "$$section" | grep -qE "AlarmTopicArn(=|,ParameterValue=)[\\\\\"']*arn:" || { \
	  echo "samconfig.toml has no AlarmTopicArn in [$(name).deploy.parameters], so no alarm of this stage would reach a person." >&2; \
	  echo "Create an SNS topic (aws sns create-topic --name aurora-alarms), subscribe to it, and add AlarmTopicArn=<its ARN> to parameter_overrides." >&2; \
	  echo "To deploy without notifications: NO_ALARM_TOPIC=1 make deploy$(if $(STAGE), STAGE=$(STAGE))" >&2; exit 1; }

# Smaller and reproducible: no debug tables, no RPC mode, no version-control stamp. Paths are trimmed by template.yaml.
build: export CGO_ENABLED = 0
build: export GOFLAGS = -tags=lambda.norpc -buildvcs=false "-ldflags=-s -w"
build: ## sam build [STAGE=staging|prod]
	sam build $(if $(STAGE),--config-env "$(STAGE)")

# Each deployment is a release: SAM makes a new version of a function, and moves its alias, when this value changes. Without it
# a deployment that changes nothing but parameters would change no version, and callers would be served with the old settings.
release: RELEASE ?= $(shell date -u +%s)
release: BUILT ?= .aws-sam/build/template.yaml
release:
	@awk '{ print } /^ *AutoPublishAlias: / { sub(/AutoPublishAlias: .*/, "AutoPublishCodeSha256: \"$(RELEASE)\""); print }' "$(BUILT)" > "$(BUILT).new" && mv "$(BUILT).new" "$(BUILT)"

deploy: alarm-topic build ## sam build and sam deploy [STAGE=staging|prod]
	@$(MAKE) --no-print-directory release
	sam deploy $(if $(STAGE),--config-env "$(STAGE)")

clean: ## remove what was built, and the local stack's data
	rm -rf .aurora .aws-sam shared/dev/compat/node_modules
