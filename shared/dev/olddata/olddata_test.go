package olddata_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/adapter/s3"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/contact"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/idempotency"
	"example.com/aurora/shared/core/providermsg"
	"example.com/aurora/shared/dev/dynalite"
	"example.com/aurora/shared/dev/fakes3"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/callindex"
	"example.com/aurora/shared/usecase/outbound"
	"example.com/aurora/shared/usecase/webhook"
)

const (
	folder    = "testdata/8a7e01b"
	assistant = "a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4"
	retention = 400 * 24 * time.Hour
)

// stack holds the stores of the earlier version, and what that version read from them.
type stack struct {
	tables   func() (aws.Config, error)
	objects  *s3.Bucket
	manifest map[string]object // by key
	items    map[string][]map[string]types.AttributeValue
	expected map[string]json.RawMessage
	at       time.Time // when the version read
}

type object struct {
	Key, ContentType, Hash string
	Written                time.Time
}

func (s *stack) now() time.Time { return s.at }

// load puts the stored items and objects into a DynamoDB and an S3.
func load(t *testing.T) *stack {
	t.Helper()
	testkit.DiscardLog(t)
	s := &stack{tables: dynalite.Tables(t, nil), manifest: map[string]object{}, items: map[string][]map[string]types.AttributeValue{}}
	cfg, _ := s.tables()
	client := dynamodb.NewFromConfig(cfg)
	for _, table := range []string{"assistants", "calls", "ledger"} {
		var items []map[string]map[string]any
		readJSON(t, table+".json", &items)
		for _, raw := range items {
			item := map[string]types.AttributeValue{}
			for name, v := range raw {
				item[name] = attributeValue(t, v)
			}
			s.items[table] = append(s.items[table], item)
			if _, err := client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: item}); err != nil {
				t.Fatalf("put an item into %s: %v", table, err)
			}
		}
	}
	server := httptest.NewServer(fakes3.Serve(t, "reports"))
	t.Cleanup(server.Close)
	config := testkit.AWSConfig(server.URL, nil)
	s3Config, _ := config()
	bucket := awss3.NewFromConfig(s3Config, func(o *awss3.Options) { o.UsePathStyle = true })
	var manifest []object
	readJSON(t, "objects.json", &manifest)
	for _, o := range manifest {
		s.manifest[o.Key] = o
		body, err := os.ReadFile(filepath.Join(folder, "bucket", filepath.FromSlash(o.Key)))
		if err != nil {
			t.Fatal(err)
		}
		in := &awss3.PutObjectInput{Bucket: aws.String("reports"), Key: &o.Key, ContentType: &o.ContentType, Body: bytes.NewReader(body)}
		if o.Hash != "" {
			in.Metadata = map[string]string{"content-hash": o.Hash}
		}
		if _, err := bucket.PutObject(t.Context(), in); err != nil {
			t.Fatalf("put %s: %v", o.Key, err)
		}
	}
	s.objects = s3.New(config, "reports")
	readJSON(t, "expected.json", &s.expected)
	var written struct{ At time.Time }
	readJSON(t, "written.json", &written)
	s.at = written.At.Add(2 * time.Minute) // leases are over
	return s
}

func readJSON(t *testing.T, name string, into any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(folder, name))
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		t.Fatalf("read %s: %v", name, err)
	}
}

// attributeValue converts DynamoDB's JSON.
func attributeValue(t *testing.T, v map[string]any) types.AttributeValue {
	t.Helper()
	for kind, v := range v {
		switch v := v.(type) {
		case string:
			if kind == "N" {
				return &types.AttributeValueMemberN{Value: v}
			}
			return &types.AttributeValueMemberS{Value: v}
		case bool:
			if kind == "NULL" {
				return &types.AttributeValueMemberNULL{Value: v}
			}
			return &types.AttributeValueMemberBOOL{Value: v}
		case map[string]any:
			m := map[string]types.AttributeValue{}
			for name, inner := range v {
				m[name] = attributeValue(t, inner.(map[string]any))
			}
			return &types.AttributeValueMemberM{Value: m}
		case []any:
			if kind == "SS" {
				set := &types.AttributeValueMemberSS{}
				for _, inner := range v {
					set.Value = append(set.Value, inner.(string))
				}
				return set
			}
			list := &types.AttributeValueMemberL{}
			for _, inner := range v {
				list.Value = append(list.Value, attributeValue(t, inner.(map[string]any)))
			}
			return list
		}
	}
	t.Fatalf("%v is not an attribute value", v)
	return nil
}

// check compares what is read today with what the earlier version read.
func (s *stack) check(t *testing.T, section string, got any) {
	t.Helper()
	b, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if want := s.expected[section]; !reflect.DeepEqual(decode(t, b), decode(t, want)) {
		t.Errorf("%s:\ntoday's code reads     %s\nthe old version's read %s", section, b, want)
	}
}

func decode(t *testing.T, b []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("decode %.200s: %v", b, err)
	}
	return v
}

// ledgerKeys returns the keys of the ledger that begin with prefix, without it.
func (s *stack) ledgerKeys(prefix string) (keys []string) {
	for _, item := range s.items["ledger"] {
		if key, ok := strings.CutPrefix(text(item["key"]), prefix); ok {
			keys = append(keys, key)
		}
	}
	return keys
}

func text(v types.AttributeValue) string {
	s, _ := v.(*types.AttributeValueMemberS)
	if s == nil {
		return ""
	}
	return s.Value
}

func noError(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func TestAssistants(t *testing.T) {
	s := load(t)
	assistants := dynamo.NewAssistants(s.tables, "assistants", s.now)
	byID, byNumber := map[string]aurora.Assistant{}, map[string]string{}
	for _, item := range s.items["assistants"] {
		a, err := assistants.ByID(t.Context(), text(item["assistantId"]))
		noError(t, err)
		byID[a.ID()] = a
		a, err = assistants.ByNumber(t.Context(), aurora.Phone(text(item["numberE164"])))
		noError(t, err)
		byNumber[text(item["numberE164"])] = a.ID()
	}
	s.check(t, "assistants", byID)
	s.check(t, "assistantsByNumber", byNumber)
	ids := func(all []aurora.Assistant, unreadable []error, err error) (ids []string) {
		noError(t, append(unreadable, err)...)
		for _, a := range all {
			ids = append(ids, a.ID())
		}
		return ids
	}
	s.check(t, "internalAssistants", ids(assistants.Internal(t.Context())))
	s.check(t, "scheduledAssistants", ids(assistants.Scheduled(t.Context())))
}

func TestCallRows(t *testing.T) {
	s := load(t)
	calls := dynamo.NewCalls(s.tables, "calls", retention)
	rows, days := map[string]aurora.Call{}, map[string][]aurora.Call{}
	for _, item := range s.items["calls"] {
		partition := text(item["assistantDay"])
		key := aurora.ParseCallKey(partition, text(item["callId"]))
		c, ok, err := calls.Row(t.Context(), key)
		noError(t, err)
		if !ok {
			t.Fatalf("the row %+v is not found", key)
		}
		rows[partition+"/"+key.CallID] = c
		if days[partition] == nil {
			for page, err := range calls.Day(t.Context(), key.AssistantID, key.Day) {
				noError(t, err)
				for _, c := range page { // earlier versions did not read these for a day
					c.Summary, c.Extracted, c.AnalysisNote = "", nil, ""
					days[partition] = append(days[partition], c)
				}
			}
		}
	}
	s.check(t, "calls", rows)
	s.check(t, "days", days)
	history, err := calls.CallsOf(t.Context(), assistant, "+14155550110", 10)
	noError(t, err)
	s.check(t, "callerHistory", history)
}

func TestAliases(t *testing.T) {
	s := load(t)
	ledger := dynamo.NewLedger(s.tables, "ledger", s.now)
	aliases := map[string]any{}
	for _, name := range s.ledgerKeys("call#") {
		a, ok, err := ledger.Alias(t.Context(), name)
		noError(t, err)
		if !ok {
			t.Fatalf("the alias %s is not found", name)
		}
		var rowKeys []string
		for _, key := range a.RowKeys {
			rowKeys = append(rowKeys, key.Partition()+"/"+key.CallID)
		}
		aliases[name] = map[string]any{"parent": a.Parent, "created": a.Created, "rowKeys": rowKeys, "revision": a.Revision, "expiresAt": a.ExpiresAt}
	}
	s.check(t, "aliases", aliases)
}

func TestOutboundCalls(t *testing.T) {
	s := load(t)
	ledger := dynamo.NewOutbound(s.tables, "ledger", s.now)
	records, sids, quotas, pending := map[string]any{}, map[string]string{}, map[string]int64{}, map[string][]string{}
	for _, name := range s.ledgerKeys("placed#") {
		r, ok, err := ledger.Record(t.Context(), name)
		noError(t, err)
		switch {
		case !ok:
			t.Fatalf("the record %s is not found", name)
		case name != r.ID:
			sids[name] = r.ID
			continue
		}
		records[name] = map[string]any{"id": r.ID, "state": r.State, "assistantId": r.AssistantID, "from": r.From, "to": r.To, "assistantNumber": r.AssistantNumber,
			"number": r.Number, "name": r.Name, "email": r.Email, "info": r.Info, "keyName": r.KeyName, "sid": r.SID, "code": r.Code, "status": r.Status,
			"answeredBy": r.AnsweredBy, "created": r.CreatedAt, "deadline": r.Deadline, "checked": r.CheckedAt, "answeredAt": r.AnsweredAt, "endedAt": r.EndedAt,
			"seconds": r.Seconds, "revision": r.Revision}
	}
	for _, key := range s.ledgerKeys("count#") {
		n, err := ledger.QuotaUsed(t.Context(), "count#"+key)
		noError(t, err)
		quotas["count#"+key] = n
	}
	for _, number := range s.ledgerKeys("open#") {
		ids, err := ledger.Pending(t.Context(), aurora.Phone(number))
		noError(t, err)
		pending[number] = append([]string{}, ids...)
	}
	s.check(t, "outboundCalls", records)
	s.check(t, "callSIDs", sids)
	s.check(t, "quotas", quotas)
	s.check(t, "pendingCalls", pending)
}

// noProvider fails the test if a call is placed.
type noProvider struct{ t *testing.T }

func (p noProvider) CreateCall(context.Context, aurora.CallRequest) (string, error) {
	p.t.Error("a call was placed a second time")
	return "", fault.New(fault.Invalid, "This test places no calls.")
}

func (noProvider) ListCalls(context.Context, aurora.Phone, aurora.Phone, time.Time) ([]aurora.ProviderCall, error) {
	return nil, fault.New(fault.Unavailable, "This test lists no calls.")
}

// A request that the earlier version answered gets the same answer under its idempotency key.
func TestRepeatedOutboundRequests(t *testing.T) {
	s := load(t)
	countries, err := contact.ParseCountries("*")
	noError(t, err)
	service := &outbound.Service{Assistants: dynamo.NewAssistants(s.tables, "assistants", s.now), Ledger: dynamo.NewOutbound(s.tables, "ledger", s.now),
		Provider: noProvider{t}, StreamURL: "wss://voice.example.com/stream", Now: s.now, NewID: func() string { return "record-new" },
		Guards: outbound.Guards{Countries: countries, DefaultRegion: "US", Limits: outbound.Limits{KeyPerMinute: 10, KeyPerDay: 500, DestinationPerDay: 20,
			CountryPerDay: 200, SpendPerDay: 50_000_000, EstimatePerCall: 100_000}}}
	answers := map[string]any{}
	for _, r := range []struct{ to, name, key string }{{"+1 415 555 0101", "Dana Example", "key-placed"}, {"+14155550102", "Alex Example", "key-done"},
		{"+14155550103", "Sam Example", "key-unknown"}, {"+14155550102", "Another Name", "key-done"}} {
		call, err := service.Place(t.Context(), outbound.Request{Route: "outbound-call-uat", Principal: auth.Principal{ID: "0123456789ab", Name: "partner-1", Kind: auth.KindExternal}, FieldPrefix: "client.",
			PublicURL: "https://aurora.example.com", IdempotencyKey: r.key, AssistantID: assistant, PhoneNumber: r.to, Name: r.name, Email: "dana@example.com", Info: "asked for a call"})
		if err != nil {
			answers[r.key+" "+r.name] = map[string]any{"code": fault.From(err).Code}
		} else {
			answers[r.key+" "+r.name] = map[string]any{"replayed": call.Replayed, "data": fmt.Sprintf(
				"Call initiated from assistaintPhoneNumber = %s to %s at %s. Call sid = %s", call.AssistantNumber, call.Name, call.Number, call.SID)}
		}
	}
	s.check(t, "repeatedRequests", answers)
}

func TestListsAndSessions(t *testing.T) {
	s := load(t)
	ledger := dynamo.NewLedger(s.tables, "ledger", s.now)
	lists := map[string]any{}
	for _, number := range append(s.ledgerKeys("dnc#"), s.ledgerKeys("consent#")...) {
		doNotCall, err := ledger.IsDoNotCall(t.Context(), aurora.Phone(number))
		noError(t, err)
		consent, err := ledger.HasConsent(t.Context(), aurora.Phone(number))
		noError(t, err)
		lists[number] = map[string]bool{"doNotCall": doNotCall, "consent": consent}
	}
	s.check(t, "lists", lists)
	// Sessions of that version have no owner: any key could continue them. They are not read, and expire after two hours.
	sessions, loaded := dynamo.NewSessions(s.tables, "ledger", s.now), map[string]any{}
	for _, id := range []string{"old-1", "a call/with an odd id"} {
		state, err := sessions.Load(t.Context(), aurora.SessionKey{AssistantID: assistant, CallID: id})
		noError(t, err)
		loaded[id] = map[string]any{"activeAgent": state.ActiveAgent, "contextVariables": state.ContextVariables}
	}
	s.check(t, "sessions", loaded)
}

// What happened once does not happen again, unless its process died.
func TestEffectsAndMails(t *testing.T) {
	s := load(t)
	ledger := dynamo.NewLedger(s.tables, "ledger", s.now)
	runner, effects := idempotency.NewEffects(ledger, s.now, rand.Text), map[string]any{}
	for _, key := range s.ledgerKeys("once#") {
		again := false
		result, err := runner.Do(t.Context(), key, func(context.Context) (string, error) { again = true; return "again", nil })
		effect := map[string]any{"result": result, "happenedAgain": again}
		if err != nil {
			effect["code"] = fault.From(err).Code
		}
		effects[key] = effect
	}
	s.check(t, "effects", effects)
	mails, sentLog := map[string]any{}, idempotency.NewMails(ledger, s.now, rand.Text)
	for _, key := range s.ledgerKeys("sent#") {
		sent, err := sentLog.Send(t.Context(), key, false, func(context.Context) error { return nil })
		noError(t, err)
		mails[key] = map[string]any{"sentAgain": sent}
	}
	s.check(t, "mails", mails)
}

func TestObjects(t *testing.T) {
	s := load(t)
	reports, analyses := map[string]any{}, map[string]any{}
	var earlier map[string]struct{ Report providermsg.EndOfCall }
	noError(t, json.Unmarshal(s.expected["endOfCallReports"], &earlier))
	for key := range s.manifest {
		body, _, err := s.objects.Read(t.Context(), key)
		noError(t, err)
		switch {
		case strings.HasPrefix(key, aurora.EndOfCallPrefix):
			m, err := providermsg.ParseMessage(body)
			noError(t, err)
			r := m.EndOfCall() // as withoutNewFacts
			if r.ConversationUnknown {
				r.Disposition, r.Outcome = earlier[key].Report.Disposition, earlier[key].Report.Outcome
			}
			r.CallerTurns, r.ConversationUnknown = 0, false
			if len(r.Extracted) > 0 && len(earlier[key].Report.Extracted) > 0 {
				r.Extracted = earlier[key].Report.Extracted // data of more places is found now
			}
			reports[key] = map[string]any{"report": r, "transcript": m.Transcript()}
		case strings.HasPrefix(key, aurora.AnalysisPrefix):
			var result aurora.AnalysisResult
			noError(t, json.Unmarshal(body, &result))
			analyses[key] = result
		case strings.HasSuffix(key, aurora.ReportJSONName):
			var r, earlier aurora.Report
			noError(t, json.Unmarshal(body, &r))
			noError(t, json.Unmarshal(s.expected["report"], &earlier)) // without the figures that are new since
			if !reflect.DeepEqual(decode(t, encode(t, r)), decode(t, encode(t, earlier))) {
				t.Errorf("report:\ntoday's code reads     %s\nthe old version's read %s", encode(t, r), s.expected["report"])
			}
		}
	}
	s.check(t, "endOfCallReports", reports)
	s.check(t, "analyses", analyses)
}

// writtenThen reads objects with the times at which the earlier version wrote them.
type writtenThen struct{ *stack }

func (s writtenThen) Read(ctx context.Context, key string) ([]byte, time.Time, error) {
	body, written, err := s.objects.Read(ctx, key)
	if o, ok := s.manifest[key]; ok {
		written = o.Written
	}
	return body, written, err
}

func (s *stack) worker(rows *dynamo.Calls, aliases *dynamo.Ledger) *callindex.Worker {
	return &callindex.Worker{Reader: writtenThen{s}, Assistants: dynamo.NewAssistants(s.tables, "assistants", s.now),
		Index: &callindex.Index{Aliases: aliases, Rows: rows, Now: s.now, Retention: retention}}
}

// Notifications that are delivered again change nothing that a row says, and a table that was lost is rebuilt from the bucket as it was.
func TestIndexingAgain(t *testing.T) {
	s := load(t)
	calls := dynamo.NewCalls(s.tables, "calls", retention)
	read := func(calls *dynamo.Calls) map[string]aurora.Call {
		rows := map[string]aurora.Call{}
		for _, item := range s.items["calls"] {
			key := aurora.ParseCallKey(text(item["assistantDay"]), text(item["callId"]))
			c, ok, err := calls.Row(t.Context(), key)
			noError(t, err)
			if ok {
				rows[key.Partition()+"/"+key.CallID] = c
			}
		}
		return rows
	}
	for key := range s.manifest {
		if strings.HasPrefix(key, aurora.EndOfCallPrefix) {
			noError(t, s.worker(calls, dynamo.NewLedger(s.tables, "ledger", s.now)).ObjectCreated(t.Context(), key))
		}
	}
	var stored map[string]aurora.Call
	noError(t, json.Unmarshal(s.expected["calls"], &stored))
	same := func(what string, got, want aurora.Call) {
		if !reflect.DeepEqual(decode(t, encode(t, withoutNewFacts(got, want))), decode(t, encode(t, want))) {
			t.Errorf("the row %s/%s was %s as\n%s\nwant\n%s", want.Partition(), want.CallID, what, encode(t, got), encode(t, want))
		}
	}
	again := read(calls)
	for key, c := range stored {
		same("stored again", again[key], c)
	}

	empty := dynalite.Tables(t, nil)
	calls = dynamo.NewCalls(empty, "calls", retention)
	for key := range s.manifest {
		if strings.HasPrefix(key, aurora.EndOfCallPrefix) {
			noError(t, s.worker(calls, dynamo.NewLedger(empty, "ledger", s.now)).ObjectCreated(t.Context(), key))
		}
	}
	rebuilt := read(calls)
	for key, c := range stored {
		if c.ObjectKey != "" { // a row of Twilio's callbacks has no report to be rebuilt from
			same("rebuilt", rebuilt[key], c)
		}
	}
}

// withoutNewFacts returns a row without what the earlier version did not store. A report without a readable transcript
// counted as one in which the caller said nothing, a model's outcome replaced a clear one, and a report erased the recording
// of the one before.
func withoutNewFacts(c, earlier aurora.Call) aurora.Call {
	if c.ConversationUnknown {
		c.Disposition, c.Outcome = earlier.Disposition, earlier.Outcome
	}
	if c.JudgedOutcome != "" {
		c.Outcome = c.JudgedOutcome
	}
	if c.FieldVersions["recordingUrl"] != "" {
		c.Recording = ""
	}
	c.CallerTurns, c.ConversationUnknown, c.JudgedOutcome, c.FieldVersions, c.Revision = 0, false, "", nil, 0
	return c
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	noError(t, err)
	return b
}

// A report that the provider sends again, and one that waited in the raw queue, are stored as before: the first is there
// already, the second under the key that its message names.
func TestReportsSentAgain(t *testing.T) {
	s := load(t)
	archive := webhook.Archive{Objects: s.objects, Now: s.now, Count: func(_ context.Context, metric string) {
		if metric == webhook.MetricReportConflict {
			t.Error("a report was stored beside itself")
		}
	}}
	list := func() (keys []string) {
		for key, err := range s.objects.List(t.Context(), aurora.EndOfCallPrefix, "") {
			noError(t, err)
			keys = append(keys, key)
		}
		return keys
	}
	before := list()
	for _, key := range before {
		if strings.Contains(key, "~") {
			continue // the second report of a call is a conflict, then as now
		}
		body, _, err := s.objects.Read(t.Context(), key)
		noError(t, err, archive.StoreReport(t.Context(), body))
	}
	if after := list(); !reflect.DeepEqual(after, before) {
		t.Errorf("the bucket holds %v, want %v", after, before)
	}
	var queues struct {
		Raw []struct {
			Body       string
			Attributes map[string]string
		}
		Reports []string
	}
	readJSON(t, "queues.json", &queues)
	for _, m := range queues.Raw {
		noError(t, archive.StoreQueued(t.Context(), m.Body))
		if _, _, err := s.objects.Read(t.Context(), m.Attributes[webhook.QueuedKeyAttribute]); err != nil {
			t.Errorf("the report of the raw queue is not under its key: %v", err)
		}
	}
	var job aurora.ReportJob
	noError(t, json.Unmarshal([]byte(queues.Reports[0]), &job))
	s.check(t, "reportJob", job)
}

func TestReportLinks(t *testing.T) {
	s := load(t)
	var link struct{ SigningKey, Token, Object string }
	readJSON(t, "links.json", &link)
	links := &auth.Links{Secrets: testkit.EverySecret(link.SigningKey), SecretName: "links", BaseURL: "https://aurora.example.com", Objects: s.objects, Now: s.now}
	key, err := links.Verify(t.Context(), link.Token)
	noError(t, err)
	s.check(t, "linkedObject", key)
	if _, err := s.objects.Presign(t.Context(), key, time.Minute); err != nil {
		t.Errorf("the linked object cannot be read: %v", err)
	}
}
