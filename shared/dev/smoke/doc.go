// Package smoke checks a whole deployment, or the stack of `make run`, from outside: `make smoke`.
//
// Run sends at least one request to each route and to each function URL, and looks at what the requests have caused: a turn, a
// stored report and its row, an analysis, a report and its link, a mail. Each check has one line, with the part that is
// broken where it fails. A check that fails stops no other check.
//
// # Decisions
//
// All requests are about one assistant, AssistantID. Run stores it before the checks and removes it at the end, with all rows,
// objects and keys that the checks have caused. Its id is reserved and always the same, so that a run cleans up after an
// earlier one that was killed. Its number is in an area code that does not exist, so that no telephone leads to it. It is not
// internal and has no schedule, so that no report of other assistants, and no report schedule, includes it.
//
// No call is placed. The routes of calls are tried with a key whose entry allows no calls a day. Such a request passes every rule
// of outbound calls and is then rejected with key_limit, before anything is stored. After a rollback to a version that
// stores a record first, that record stays, and no call is placed either. A key that is given is used only if its stored entry says so.
//
// POST /api/reports/aurora-internal-report/{period} queues the reports of all internal assistants. It is tried with a period that
// does not exist, and the queue and its worker with one job for the test assistant.
//
// The checks of secrets, tables, bucket and queues use the operator's credentials. They name a broken part that the routes
// hide: functions go on with the last keys that they have read, for example.
//
// github.com/aws/aws-sdk-go-v2/service/cloudformation reads the addresses and names of a deployed stack from its outputs, so that
// they need not be given.
package smoke
