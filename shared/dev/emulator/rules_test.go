package emulator

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"
)

func TestPolicy(t *testing.T) {
	const arn = "arn:aws:execute-api:us-east-1:000000000000:local/test/POST/api/webhook"
	policy := func(statements string) string {
		return `{"principalId":"x","policyDocument":{"Version":"2012-10-17","Statement":` + statements + `}}`
	}
	tests := map[string]struct {
		answer string
		want   bool
	}{
		"allow exactly":        {policy(`[{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"` + arn + `"}]`), true},
		"a single statement":   {policy(`{"Effect":"Allow","Action":["execute-api:Invoke"],"Resource":["` + arn + `"]}`), true},
		"stars":                {policy(`[{"Effect":"Allow","Action":"execute-api:*","Resource":"arn:aws:execute-api:*:*:local/*/POST/*"}]`), true},
		"question marks":       {policy(`[{"Effect":"Allow","Action":"*","Resource":"arn:aws:execute-api:us-east-?:*/webhoo?"}]`), true},
		"any case of action":   {policy(`[{"Effect":"Allow","Action":"Execute-API:invoke","Resource":"*"}]`), true},
		"another method":       {policy(`[{"Effect":"Allow","Action":"*","Resource":"arn:aws:execute-api:*:*:local/*/GET/*"}]`), false},
		"a longer path":        {policy(`[{"Effect":"Allow","Action":"*","Resource":"` + arn + `/more"}]`), false},
		"a prefix":             {policy(`[{"Effect":"Allow","Action":"*","Resource":"` + arn[:len(arn)-3] + `"}]`), false},
		"another action":       {policy(`[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]`), false},
		"deny wins":            {policy(`[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"*webhook"}]`), false},
		"deny elsewhere":       {policy(`[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"*/GET/*"}]`), true},
		"deny alone":           {policy(`[{"Effect":"Deny","Action":"*","Resource":"*"}]`), false},
		"allow on a condition": {policy(`[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"a":"b"}}}]`), false},
		"deny on a condition":  {policy(`[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Bool":{"a":"b"}}}]`), false},
		"no effect":            {policy(`[{"Action":"*","Resource":"*"}]`), false},
	}
	for name, test := range tests {
		d, err := readDecision([]byte(test.answer))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := d.allows(arn); got != test.want {
			t.Errorf("%s: allowed %v, want %v", name, got, !got)
		}
	}
	for _, malformed := range []string{``, `null`, `[]`, `"Unauthorized"`, `{}`, `{"principalId":"x"}`, policy(`[]`),
		`{"policyDocument":{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}}`,
		`{"principalId":"x","context":{"a":[1]},"policyDocument":{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}}`} {
		if _, err := readDecision([]byte(malformed)); err == nil {
			t.Errorf("%s was accepted as a decision", malformed)
		}
	}
}

func TestRoutes(t *testing.T) {
	tests := []struct {
		route, path string
		params      map[string]string
		match       bool
	}{
		{"/api/webhook", "/api/webhook", map[string]string{}, true},
		{"/api/webhook", "/api/webhook/", map[string]string{}, true},
		{"/api/webhook", "/api/Webhook", nil, false},
		{"/api/webhook", "/api/webhook/more", nil, false},
		{"/api/webhook", "/api//webhook", nil, false},
		{"/api/webhook", "//api/webhook", nil, false},
		{"/api/webhook", "/api/web%68ook", map[string]string{}, true},
		{"/api/{kind}/x", "/api/a%20b/x", map[string]string{"kind": "a b"}, true},
		{"/api/{kind}", "/api/a%2Fb", map[string]string{"kind": "a/b"}, true},
		{"/api/{kind}", "/api/", nil, false},
		{"/{rest+}", "/a/b/c", map[string]string{"rest": "a/b/c"}, true},
		{"/", "/", map[string]string{}, true},
	}
	for _, test := range tests {
		params, score := matchPath(test.route, test.path)
		if (score >= 0) != test.match || test.match && !reflect.DeepEqual(params, test.params) {
			t.Errorf("path %s on route %s: parameters %v, score %d", test.path, test.route, params, score)
		}
	}
	_, literal := matchPath("/a/b", "/a/b")
	_, variable := matchPath("/a/{x}", "/a/b")
	_, greedy := matchPath("/a/{x+}", "/a/b")
	if literal <= variable || variable <= greedy {
		t.Errorf("scores: literal %d, variable %d, greedy %d; want them in this order", literal, variable, greedy)
	}
}

func TestSchedules(t *testing.T) {
	started := time.Date(2026, 11, 20, 10, 0, 30, 0, time.UTC)
	tests := []struct {
		expression, when string
		want             bool
	}{
		{"cron(0 * ? * SUN-MON *)", "2026-11-22T13:00", true},
		{"cron(0 * ? * SUN-MON *)", "2026-11-23T00:00", true},
		{"cron(0 * ? * SUN-MON *)", "2026-11-24T13:00", false},
		{"cron(0 * ? * SUN-MON *)", "2026-11-22T13:01", false},
		{"cron(0 * 1,28-31 * ? *)", "2026-11-30T05:00", true},
		{"cron(0 * 1,28-31 * ? *)", "2026-11-27T05:00", false},
		{"cron(0/15 8-10 ? * MON-FRI *)", "2026-11-23T09:45", true},
		{"cron(0/15 8-10 ? * MON-FRI *)", "2026-11-22T09:45", false},
		{"cron(0 0 L * ? *)", "2028-02-29T00:00", true},
		{"cron(0 0 L * ? *)", "2028-02-28T00:00", false},
		{"cron(0 0 ? * 2#1 *)", "2026-11-02T00:00", true},
		{"cron(0 0 ? * 2#1 *)", "2026-11-09T00:00", false},
		{"cron(0 0 ? * 6L *)", "2026-11-27T00:00", true},
		{"cron(0 0 ? * SAT-MON *)", "2026-11-22T00:00", true},
		{"cron(0 0 ? * * 2027)", "2026-11-22T00:00", false},
		{"rate(5 minutes)", "2026-11-20T10:05", true},
		{"rate(5 minutes)", "2026-11-20T10:06", false},
		{"rate(1 day)", "2026-11-21T10:00", true},
		{"at(2026-12-01T09:30:00)", "2026-12-01T09:30", true},
		{"at(2026-12-01T09:30:00)", "2026-12-01T09:31", false},
	}
	for _, test := range tests {
		s, err := parseSchedule(test.expression)
		if err != nil {
			t.Errorf("%s: %v", test.expression, err)
			continue
		}
		now, err := time.Parse("2006-01-02T15:04", test.when)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.isDue(now, started); got != test.want {
			t.Errorf("%s at %s: due %v, want %v", test.expression, test.when, got, !got)
		}
	}
	for _, bad := range []string{"", "cron(* * *)", "cron(0 0 1 * 1 *)", "cron(0 0 ? * ? *)", "cron(60 * ? * MON *)", "rate(0 minutes)", "rate(5 weeks)",
		"at(tomorrow)", "every(5 minutes)", "cron(0/0 * ? * MON *)", "cron(0 0 ? * MON#6 *)", "cron(0 0 ? * MUN *)"} {
		if _, err := parseSchedule(bad); err == nil {
			t.Errorf("%q was accepted as a schedule", bad)
		}
	}
}

func TestProxyAnswers(t *testing.T) {
	for _, malformed := range []string{``, `"text"`, `[]`, `{}`, `{"statusCode":"abc"}`, `{"statusCode":99}`, `{"statusCode":600}`, `{"statusCode":200,"body":{}}`,
		`{"statusCode":200,"headers":{"a":["b"]}}`, `{"statusCode":200,"headers":[]}`, `{"statusCode":200,"isBase64Encoded":"yes"}`} {
		if _, err := readProxyAnswer([]byte(malformed)); err == nil {
			t.Errorf("%s was accepted as a proxy response", malformed)
		}
	}
	p, err := readProxyAnswer([]byte(`{"statusCode":"201","headers":{"N":5,"B":true,"Z":null},"body":null}`))
	if err != nil || p.StatusCode != 201 || !reflect.DeepEqual(p.Headers, map[string]string{"N": "5", "B": "true"}) {
		t.Errorf("read %+v, error %v", p, err)
	}
}

func TestTemplate(t *testing.T) {
	tmpl, err := readTemplate("testdata/template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPlan(tmpl)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.functions) != 6 || p.functions[0].folder != "echo" || p.functions[0].reserved != 0 || p.functions[0].timeout != 2*time.Second {
		b, _ := json.Marshal(p.functions)
		t.Errorf("the plan has the functions %s, the first is %+v", b, p.functions[0])
	}
	tests := map[string]struct{ in, want any }{
		"ref":      {map[string]any{"Ref": "Stage"}, "test"},
		"arn":      {map[string]any{"Fn::GetAtt": []any{"WorkQueue", "Arn"}}, "arn:aws:sqs:us-east-1:000000000000:work-test"},
		"sub":      {map[string]any{"Fn::Sub": "${Stage}-${WorkQueue.QueueName}-${AWS::Region}-${!Literal}"}, "test-work-test-us-east-1-${Literal}"},
		"sub own":  {map[string]any{"Fn::Sub": []any{"${A}b", map[string]any{"A": map[string]any{"Ref": "Stage"}}}}, "testb"},
		"join":     {map[string]any{"Fn::Join": []any{"-", []any{"a", map[string]any{"Ref": "Stage"}}}}, "a-test"},
		"if":       {map[string]any{"Fn::If": []any{"HasReserved", 1, 2}}, 2},
		"no value": {[]any{1, map[string]any{"Ref": "AWS::NoValue"}}, []any{1}},
		"select":   {map[string]any{"Fn::Select": []any{1, map[string]any{"Fn::Split": []any{",", "a,b"}}}}, "b"},
		"and":      {map[string]any{"Fn::And": []any{map[string]any{"Fn::Equals": []any{"a", "a"}}, map[string]any{"Fn::Not": []any{map[string]any{"Condition": "HasReserved"}}}}}, true},
		"or":       {map[string]any{"Fn::Or": []any{map[string]any{"Fn::Equals": []any{"a", "b"}}}}, false},
	}
	for name, test := range tests {
		if got := tmpl.resolve(test.in); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got %#v, want %#v", name, got, test.want)
		}
	}
}

// The end of a report's window is the time for which it was scheduled, not the time at which it is made.
func TestScheduledTime(t *testing.T) {
	minute := time.Date(2026, 11, 23, 9, 0, 0, 0, time.FixedZone("", 3600))
	plan := schedulePlan{input: `{"period":"weekly","at":"<aws.scheduler.scheduled-time>","try":"<aws.scheduler.attempt-number>","by":"<aws.scheduler.schedule-arn>"}`}
	got := string(plan.event("arn:aws:lambda:us-east-1:000000000000:function:aurora-ReportScheduleFunction", minute))
	if want := `{"period":"weekly","at":"2026-11-23T08:00:00Z","try":"1","by":"arn:aws:scheduler:us-east-1:000000000000:schedule/default/aurora-ReportScheduleFunction"}`; got != want {
		t.Errorf("event %s\nwant  %s", got, want)
	}
	if got := string(schedulePlan{}.event("arn", minute)); got != "{}" {
		t.Errorf("the event of a schedule without an input is %s, want {}", got)
	}
	for _, expression := range []string{"cron(0 * ? * SUN-MON *)", "cron(0 * 1,28-31 * ? *)"} { // the template's
		s, err := parseSchedule(expression)
		if err != nil {
			t.Fatal(err)
		}
		due := 0
		for at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC); at.Month() == time.November; at = at.Add(time.Minute) {
			if s.isDue(at, time.Time{}) {
				due++
			}
		}
		if want := map[string]int{"cron(0 * ? * SUN-MON *)": 10 * 24, "cron(0 * 1,28-31 * ? *)": 4 * 24}[expression]; due != want {
			t.Errorf("%s is due %d times in November 2026, want %d", expression, due, want)
		}
	}
}
