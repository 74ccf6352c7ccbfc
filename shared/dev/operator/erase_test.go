package main

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/adapter/sqs"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/usecase/webhook"
)

const (
	eraseCallers = 50
	callsOfEach  = 40
	eraseCalls   = callsOfEach * eraseCallers
	erasedNumber = aurora.Phone("+14155550100")
	friendCall   = "erase-0001-friend" // of another caller, who says the number
)

// TestErase erases one of 50 callers with 2,000 calls, over the running stack. Afterwards the number is in no object, item,
// message or log, and all that belongs to the other callers is as it was, byte for byte.
func TestErase(t *testing.T) {
	b := startReportStack(t)
	b.fillForErasure(t)
	before := b.everything(t)
	if n := before.naming(t); n < 2*callsOfEach {
		t.Fatalf("only %d places name the number before it is erased", n)
	}
	t.Run("dry run", func(t *testing.T) {
		out := b.eraseCommand(t, "-dry-run", "1")
		if !strings.Contains(out, "Nothing was changed.") || !strings.Contains(out, fmt.Sprintf(" %d  end-of-call report(s) to remove", callsOfEach+2)) {
			t.Errorf("the receipt is\n%s", out)
		}
		if after := b.everything(t); !maps.Equal(after, before) {
			t.Error("a dry run changed something")
		}
	})
	t.Run("export", b.exportsOne)
	first := b.eraseCommand(t)
	for _, want := range []string{fmt.Sprintf(" %d  end-of-call report(s) removed", callsOfEach+2), fmt.Sprintf(" %d  row(s) of calls removed", callsOfEach+1), "  1  report(s) made again", "  1  record(s) of outbound calls", "  1  queued message(s) removed",
		"  1  message(s) of unknown types removed", "  1  entry of the do-not-call list, which stays", "Complete: the last search found nothing."} {
		if !strings.Contains(first, want) {
			t.Errorf("the receipt has no %q:\n%s", want, first)
		}
	}
	b.checkErased(t, before)
	t.Run("again", func(t *testing.T) {
		second := b.eraseCommand(t)
		if !strings.Contains(second, "Complete") || regexp.MustCompile(`(?m)^ +[1-9]\d*  .*(removed|replaced|again)`).MatchString(second) {
			t.Errorf("the second receipt is\n%s", second)
		}
		if _, a, _ := strings.Cut(first, "What stays"); !strings.Contains(second, a[:strings.Index(a, "The receipt is")]) {
			t.Error("the second receipt says something else about what stays and what cannot be reached")
		}
	})
	t.Run("the provider sends a report again", func(t *testing.T) {
		b.postReport(t, reportOf(0, 0))
		b.postReport(t, reportOf(0, 1))
		b.waitUntilGone(t)
		b.checkErased(t, before)
	})
}

// reportOf returns one of a caller's reports. The words of a friend of the first caller name that caller's number.
func reportOf(caller, n int) string {
	id, said := fmt.Sprintf("erase-%04d-%03d", n, caller), "I would like to book a table."
	if caller == 1 && n == 0 {
		id, said = friendCall, "My friend has 415-555-0100, call her."
	}
	words := fmt.Sprintf(`{"role":"bot","message":"How can I help?"},{"role":"user","message":%q}`, said)
	if n%8 != 0 {
		words = `{"role":"bot","message":"Hello?"}` // without the caller's words no model is asked
	}
	return fmt.Sprintf(`{"message":{"type":"end-of-call-report","endedReason":"customer-ended-call","timestamp":%d,"startedAt":"2026-11-18T10:00:00Z","endedAt":"2026-11-18T10:01:00Z",
		"cost":0.05,"customer":{"number":"+141555501%02d"},"artifact":{"messages":[%s]},"call":{"id":%q,"assistantId":%q,"type":"inboundPhoneCall","customer":{"number":"+141555501%02d"}}}}`,
		1795014286704+int64(n), caller, words, id, riley, caller)
}

func (b *testStack) postReport(t *testing.T, body string) {
	t.Helper()
	if resp, answer := b.post(t, b.info.API+"/api/webhook", body, "FLASK-API-KEY", b.info.Keys["BINARYTINT_API_KEY"]); resp.StatusCode != 200 {
		t.Errorf("a report: %s %s", resp.Status, answer)
	}
}

// fillForErasure stores data of all callers in all places.
func (b *testStack) fillForErasure(t *testing.T) {
	t.Helper()
	work := make(chan string)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for body := range work {
				b.postReport(t, body)
			}
		})
	}
	for n := range eraseCalls {
		work <- reportOf(n%eraseCallers, n/eraseCallers)
	}
	work <- strings.Replace(reportOf(0, 0), `"cost":0.05`, `"cost":0.06`, 1) // another report about a call, beside the first
	work <- strings.NewReplacer(`"+14155550100"`, `"(415) 555-0100"`, "erase-0000-000", "erase-national", `"message":{`, `"message":{"phoneNumber":{"number":"+15557654321"},`).Replace(reportOf(0, 0))
	work <- `{"message":{"type":"new-kind","note":"call +1 (415) 555-0100"}}`
	close(work)
	wg.Wait()
	b.fillLedger(t)
	ctx := t.Context()
	b.waitForRows(t, eraseCalls)
	p := &program{out: io.Discard, env: b.environment()}
	r, err := p.openReportCommand(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	zone := time.UTC
	if a, err := r.assistants.ByID(ctx, riley); err == nil {
		zone = a.Location()
	}
	job := aurora.ReportJob{AssistantID: riley, Period: aurora.Weekly, Until: time.Date(2026, 11, 20, 0, 0, 0, 0, zone), Quiet: true}
	prefix := aurora.ReportPrefix(riley, job.Period.WindowUntil(job.Until, zone))
	for range 2 { // so that an older version of the report exists
		if _, err := r.makeReport(ctx, job, prefix); err != nil {
			t.Fatal(err)
		}
	}
}

func (b *testStack) environment() func(string) string {
	return func(name string) string { return map[string]string{"AURORA_DATA": b.data}[name] }
}

// fillLedger stores items of the first and of the second caller, and a report that waits among the dead letters.
func (b *testStack) fillLedger(t *testing.T) {
	t.Helper()
	s := localStack(b.info)
	ledger := dynamo.NewOutbound(s.awsConfig("dynamodb"), s.tableName("ledger"), time.Now)
	sessions := dynamo.NewSessions(s.awsConfig("dynamodb"), s.tableName("ledger"), time.Now)
	cfg, err := s.awsConfig("dynamodb")()
	if err != nil {
		t.Fatal(err)
	}
	client := dynamodb.NewFromConfig(cfg)
	put := func(key string, attributes ...string) {
		item := map[string]types.AttributeValue{"key": &types.AttributeValueMemberS{Value: key}, "expiresAt": &types.AttributeValueMemberN{Value: fmt.Sprint(time.Now().Add(time.Hour).Unix())}}
		for i := 0; i < len(attributes); i += 2 {
			item[attributes[i]] = &types.AttributeValueMemberS{Value: attributes[i+1]}
		}
		if _, err := client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(s.tableName("ledger")), Item: item}); err != nil {
			t.Fatal(err)
		}
	}
	for caller, number := range []aurora.Phone{erasedNumber, "+14155550101"} {
		sid := fmt.Sprintf("CA%032d", caller)
		record := aurora.OutboundCall{ID: fmt.Sprintf("oc_%d", caller), State: aurora.OutboundPlaced, AssistantID: riley, To: number, Number: string(number), Name: "Kim", SID: sid, CreatedAt: time.Now()}
		for _, err := range []error{ledger.CreateRecord(t.Context(), record), ledger.AddPending(t.Context(), number, record.ID), ledger.AddConsent(t.Context(), number, "test"),
			ledger.AddDoNotCall(t.Context(), number, "test"),
			sessions.Save(t.Context(), aurora.SessionKey{AssistantID: riley, CallID: "chat", Caller: number, PrincipalID: "p"}, aurora.SessionState{ActiveAgent: "booking"})} {
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := ledger.ClaimSID(t.Context(), sid, record.ID); err != nil {
			t.Fatal(err)
		}
		put(fmt.Sprintf("idem#n-test#uat#%d", caller), "record", record.ID)
		put("count#to#" + string(number) + "#2026-11-25")
		put("once#"+riley+"#"+fmt.Sprintf("erase-0000-%03d", caller)+"#"+aurora.SafeKey("")+"#digest", "result", "Booked for Kim.")
		put("once#"+riley+"#"+aurora.SafeKey("")+"#"+aurora.SafeKey(string(number))+"#digest", "result", "Sent.")
	}
	put("once#"+riley+"#other#"+aurora.SafeKey("+14155550101")+"#digest", "result", "Her number is 415 555 0100.")
	queues, err := s.queuesWithDeadLetters(t.Context(), "raw")
	if err != nil {
		t.Fatal(err)
	}
	dead := queues[1].Queue.(*sqs.Queue)
	for caller := range 2 {
		body := strings.Replace(reportOf(caller, 1), `"erase-0001-00`, `"queued-00`, 1)
		if err := dead.Send(t.Context(), webhook.Pack([]byte(body)), map[string]string{webhook.QueuedKeyAttribute: "eoc/x.json"}); err != nil {
			t.Fatal(err)
		}
	}
}

// waitForRows waits until every call has a row, and every call in which the caller spoke is analysed.
func (b *testStack) waitForRows(t *testing.T, want int) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); ; {
		rows, left := 0, 0
		b.scan(t, "calls", func(item string) {
			rows++
			if strings.Contains(item, `"spoke"`) && !strings.Contains(item, `"analysisModel"`) {
				left++
			}
		})
		if rows > want && left == 0 && b.messages(t, "calls") == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d rows, want more than %d; %d are not analysed", rows, want, left)
		}
		<-time.After(200 * time.Millisecond)
	}
}

// waitUntilGone waits until the bucket has no report of the erased number.
func (b *testStack) waitUntilGone(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		if b.messages(t, "calls") == "" && b.everything(t).naming(t) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("a report that was sent again stays")
		}
		<-time.After(200 * time.Millisecond)
	}
}

func (b *testStack) eraseCommand(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	p := &program{out: &out, args: append([]string{"erase", "-number", "(415) 555-0100", "-region", "US"}, args...), env: b.environment()}
	if err := p.dispatch(context.Background()); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	return out.String()
}

var ofErased = regexp.MustCompile(`-000\b`)

// isErased reports whether a place belongs to the erased number or names it, so that it may have changed.
func isErased(place, text string) bool {
	return namesErased.MatchString(place+text) || ofErased.MatchString(place) || strings.Contains(place, "erase-national") || strings.Contains(place, "reports/") ||
		strings.Contains(place, aurora.SafeKey(string(erasedNumber))) || strings.Contains(place, "CA00000000000000000000000000000000") || strings.Contains(place, friendCall) || place == "item idem#n-test#uat#0 "
}

// checkErased compares what is stored with what was there before.
func (b *testStack) checkErased(t *testing.T, before contents) {
	t.Helper()
	after := b.everything(t)
	for place, text := range after {
		if namesErased.MatchString(place+text) && !strings.HasPrefix(place, "item dnc#") {
			t.Errorf("%s names the number", place)
		}
		if strings.Contains(place, "-000.json") || strings.Contains(place, "#erase-0000-000#") {
			t.Errorf("%s is left", place)
		}
	}
	same := 0
	for place, text := range before {
		switch now, ok := after[place]; {
		case isErased(place, text), strings.HasPrefix(place, "queue "):
		case !ok:
			t.Errorf("%s is gone", place)
		case now != text:
			t.Errorf("%s was changed", place)
		default:
			same++
		}
	}
	if same < 2*(eraseCalls-callsOfEach) {
		t.Errorf("only %d places of others were compared", same)
	}
	if !strings.Contains(after["queue raw"], "queued-001") {
		t.Error("the queued report of another caller is gone")
	}
	if friend := after.find("object eoc/", friendCall+".json"); !strings.Contains(friend, "My friend has [erased], call her.") {
		t.Errorf("the call of another caller who said the number is %q", friend)
	}
	if csv := after.find("object reports/", "/report.csv"); strings.Count(csv, "\r\n") != eraseCalls-callsOfEach+1 || !strings.Contains(csv, "+14155550101") {
		t.Errorf("the report that was made again has %d lines", strings.Count(csv, "\r\n"))
	}
}

// exportsOne exports the number and looks into the archive.
func (b *testStack) exportsOne(t *testing.T) {
	var out bytes.Buffer
	p := &program{out: &out, args: []string{"export", "-number", string(erasedNumber)}, env: b.environment()}
	if err := p.dispatch(t.Context()); err != nil {
		t.Fatal(err)
	}
	file := regexp.MustCompile(`\S+\.zip`).FindString(out.String())
	archive, err := zip.OpenReader(file)
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	defer func() { _ = archive.Close() }()
	files := map[string]string{}
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name] = string(body)
	}
	for name, want := range map[string]string{"calls/2026-11-18 erase-0000-000/transcript.txt": "caller: I would like to book a table.", "calls/2026-11-18 erase-0001-000/report.json": `"number": "+14155550100"`,
		"calls/2026-11-18 erase-0000-000/analysis.json": `"analysisModel"`, "calls/2026-11-18 erase-0001-000/row.json": `"customer": "+14155550100"`, "queued messages/raw dead letters.json": "queued-000",
		"README.txt": friendCall, "records.jsonl": `"key":"dnc#+14155550100"`} {
		if !strings.Contains(files[name], want) {
			t.Errorf("%s has no %q: %.300s", name, want, files[name])
		}
	}
	for name, text := range files {
		if strings.Contains(text, "My friend") || strings.Contains(text, "+14155550101") {
			t.Errorf("%s has data of another caller", name)
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the archive's mode is %v, %v; want one that only the owner can read", info.Mode(), err)
	}
}
