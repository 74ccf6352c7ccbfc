package assistantcheck_test

import (
	"slices"
	"strings"
	"testing"

	"example.com/aurora/shared/core/assistantcheck"
	"example.com/aurora/shared/core/fault"
)

func TestCheckNamesEachField(t *testing.T) {
	for name, c := range map[string]struct{ document, want string }{
		"no JSON":             {`{`, "it is not JSON"},
		"no object":           {`[]`, "the document: "},
		"nothing":             {`{}`, "assistantId, assistantName, assistantPrompt: is missing"},
		"misspelt field":      {assistantWith(`"asistantName":"x"`), "asistantName: is not a field of an assistant"},
		"bad id":              {assistantWith(`"assistantId":"../x"`), "assistantId: "},
		"bad mail":            {assistantWith(`"emails":["a@example.com","nope"]`), "emails.1: "},
		"mails no list":       {assistantWith(`"emails":"a@example.com"`), "emails: "},
		"bad number":          {assistantWith(`"assistantPhoneNumber":"call me"`), "assistantPhoneNumber: "},
		"temperature":         {assistantWith(`"temperature":3`), "temperature: "},
		"zone":                {assistantWith(`"timeZone":"Mars/Olympus"`), `timeZone: "Mars/Olympus" is no zone`},
		"broken template":     {assistantWith(`"assistantPrompt":"{% if x %}never closed"`), "assistantPrompt: line 1: something is not closed: if needs endif"},
		"broken greeting":     {assistantWith(`"assistantFirstMessage":"Hi {{ name | }}"`), "assistantFirstMessage: line 1: this cannot be read: name |"},
		"unknown filter":      {assistantWith(`"assistantPrompt":"Hi\n{% if vip %}{{ name | shout }}{% endif %}"`), "assistantPrompt: line 2: there is no such filter: shout"},
		"greedy template":     {assistantWith(`"assistantPrompt":"{% for i in (1..1000000000) %}{{ i }}{% endfor %}"`), "assistantPrompt: line 1: the template takes too much"},
		"failing template":    {assistantWith(`"assistantPrompt":"{{ total | divided_by: guests }}"`), "a number is divided by zero, when variables are missing"},
		"destination":         {assistantWith(`"transferDestinations":[{"name":"x"}]`), "transferDestinations.0"},
		"two things at once":  {assistantWith(`"temperature":3,"timeZone":"Mars"`), "timeZone: "},
		"schema":              {assistantWith(`"analysis":{"schema":{"type":"object","properties":{"day":{"type":"no such type"}}}}`), "analysis.schema: "},
		"schema of a list":    {assistantWith(`"analysis":{"schema":{"type":"array"}}`), "analysis.schema: its type must be object"},
		"schema elsewhere":    {assistantWith(`"analysis":{"schema":{"$ref":"https://example.com/s.json"}}`), "analysis.schema: "},
		"schema of files":     {assistantWith(`"analysis":{"schema":{"$ref":"file:///etc/passwd"}}`), "analysis.schema: "},
		"schema's unchecked":  {assistantWith(`"analysis":{"schema":{"type":"object","contains":7}}`), "analysis.schema.contains: "},
		"tool's unchecked":    {assistantWith(`"tools":[{"name":"t","description":"x","url":"https://example.com/","parameters":{"type":"object","dependentRequired":{"a":"b"}}}]`), "tools.0.parameters.dependentRequired.a: "},
		"analysis misspelt":   {assistantWith(`"analysis":{"shema":{}}`), "analysis.shema: is not a field"},
		"speech tags":         {assistantWith(`"speechTags":["flush","break"]`), ""},
		"speech tag as text":  {assistantWith(`"speechTags":["<flush />"]`), "speechTags.0: "},
		"schema of an object": {assistantWith(`"analysis":{"schema":{"type":"object","properties":{"day":{"type":"string"}}}},"language":"pt-BR"`), ""},
		"language":            {assistantWith(`"language":"portuguese, please"`), "language: "},
		"number as a scalar":  {assistantWith(`"gracePeriodMs":300`), ""},
		"valid template":      {assistantWith(`"assistantPrompt":"Hi {{ customer.name | default: 'there' }}"`), ""},
		"model in a network":  {assistantWith(`"models":[{"model":"m","baseUrl":"https://169.254.169.254/v1"}]`), "models.0.baseUrl: the address is not on the internet"},
		"model by its name":   {assistantWith(`"models":[{"model":"m","baseUrl":"https://models.example.com:8443/v1"}]`), ""},
		"model on loopback":   {assistantWith(`"models":[{"model":"m","baseUrl":"http://127.0.0.1:11434/v1"}]`), ""},
		"voice mode":          {assistantWith(`"voiceMode":"relay","voicemailMessage":"Please call back.","recording":{"enabled":true,"notice":"We record."}`), ""},
		"unknown voice mode":  {assistantWith(`"voiceMode":"carrier pigeon"`), "voiceMode: "},
		"recording misspelt":  {assistantWith(`"recording":{"enable":true}`), "recording.enable: is not a field"},
		"fallback number":     {assistantWith(`"fallbackNumber":"+14155550188"`), ""},
		"no fallback number":  {assistantWith(`"fallbackNumber":""`), ""},
		"fallback, national":  {assistantWith(`"fallbackNumber":"(415) 555-0188"`), "fallbackNumber: "},
		"fallback, emergency": {assistantWith(`"fallbackNumber":"911"`), "fallbackNumber: "},
		"fallback is its own": {assistantWith(`"fallbackNumber":"+15551230100","assistantPhoneNumber":"+1 (555) 123-0100"`), "fallbackNumber: it is one of the assistant's own numbers"},
		"storage":             {assistantWith(`"storage":"nothing-but-figures","retentionDays":30`), ""},
		"unknown storage":     {assistantWith(`"storage":"nothing"`), "storage: "},
		"no retention":        {assistantWith(`"retentionDays":0`), "retentionDays: "},
		"long retention":      {assistantWith(`"retentionDays":500`), "retentionDays: 500 is more than the 400 days"},
		"long number":         {assistantWith(`"vapi":{"n":1.123456789012345678901234567890123456789}`), "vapi.n: the number has more than 38 digits"},
		"huge number":         {assistantWith(`"temperature":1e999999999`), "temperature: the number has more than 38 digits"},
		"deep nesting":        {assistantWith(`"vapi":` + strings.Repeat(`{"a":`, 40) + `1` + strings.Repeat(`}`, 40)), "it is nested more than 30 levels deep"},
		"field without name":  {assistantWith(`"vapi":{"":1}`), "vapi: it has a field without a name"},
		"too large":           {assistantWith(`"vapi":{"a":"` + strings.Repeat("x", 400_000) + `"}`), "the document: it has 400"},
		"number as it may be": {assistantWith(`"assistantPhoneNumber":"4639465275"`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			complaints := assistantcheck.Checker{MaxRetentionDays: 400}.Check([]byte(c.document))
			lines := assistantcheck.Lines(complaints)
			if c.want == "" && len(complaints) > 0 {
				t.Errorf("the document was rejected:\n%s", lines)
			}
			if c.want != "" && (len(complaints) == 0 || !strings.Contains(lines, c.want)) {
				t.Errorf("the complaints are\n%s\nwant one with %s", lines, c.want)
			}
			for _, complaint := range complaints {
				if complaint.Message == "" || complaint.Code == "" {
					t.Errorf("a complaint without a message or a code: %+v", complaint)
				}
			}
		})
	}
}

// assistantWith is a valid assistant with a field of its own; the last of two equal keys counts.
func assistantWith(field string) string {
	return `{"assistantId":"a1","assistantName":"A","assistantPrompt":"P",` + field + `}`
}

// A form needs each complaint with the path of its field.
func TestComplaintsHavePathAndCode(t *testing.T) {
	got := assistantcheck.Checker{}.Check([]byte(`{"assistantId":"a","assistantName":"A","temperature":3,"timeZone":"Mars","extra":1,
		"tools":[{"name":"t","description":"x","url":"ftp://x"},{"name":"t"}]}`))
	var short []fault.Complaint
	for _, c := range got {
		short = append(short, fault.Complaint{Path: c.Path, Code: c.Code})
	}
	for _, want := range []fault.Complaint{{Path: "assistantPrompt", Code: "missing"}, {Path: "extra", Code: "unknown_field"}, {Path: "temperature", Code: "invalid_value"},
		{Path: "timeZone", Code: "invalid_value"}, {Path: "tools.0.url", Code: "invalid_tool"}, {Path: "tools.1.url", Code: "missing"}, {Path: "tools.1.name", Code: "invalid_tool"}} {
		if !slices.Contains(short, want) {
			t.Errorf("no complaint %+v in %+v", want, got)
		}
	}
}

func TestLinesGroupsFieldsOfOneObject(t *testing.T) {
	got := assistantcheck.Lines(assistantcheck.Checker{}.Check([]byte(`{"tools":[{}]}`)))
	want := "  assistantId, assistantName, assistantPrompt: is missing\n"
	if !strings.HasPrefix(got, want) || !strings.Contains(got, "tools.0.description, name, url: is missing") {
		t.Errorf("the lines are\n%s\nwant the missing fields of each object in one line", got)
	}
}
