package assistantcheck

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/liquid"
	"example.com/aurora/shared/core/netguard"
	"example.com/aurora/shared/core/tools"
	"example.com/aurora/shared/core/toolschema"
)

//go:embed assistant.schema.json
var schemaText []byte

// The codes of complaints.
const (
	CodeNotJSON      = "not_json"
	CodeMissing      = "missing"
	CodeUnknownField = "unknown_field"
	CodeInvalid      = "invalid_value"
	CodeTemplate     = "invalid_template"
	CodeTool         = "invalid_tool"
	CodeSchema       = "invalid_schema"
	CodeTooLarge     = "too_large"
)

// maxComplaints limits what is returned about one document.
const maxComplaints = 500

// Checker checks documents. The zero value allows no private hosts and any retention.
type Checker struct {
	PrivateHosts     []string // those of TOOL_PRIVATE_HOSTS
	MaxRetentionDays int      // those of RETENTION_DAYS; 0 means that they are not known
}

// Schema returns the JSON Schema of an assistant's document.
func Schema() []byte { return bytes.Clone(schemaText) }

// Check returns everything that is wrong with a document, ordered by path.
func (c Checker) Check(document []byte) []fault.Complaint {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return []fault.Complaint{{Message: fmt.Sprintf("it is not JSON: %v", err), Code: CodeNotJSON}}
	}
	// The schema's numbers are compared as fractions, so numbers are limited first.
	all := checkStorable(document, value)
	if len(all) == 0 {
		all = append(checkSchema(value), c.checkSemantics(document)...)
	}
	slices.SortFunc(all, func(a, b fault.Complaint) int { return strings.Compare(a.String(), b.String()) })
	all = slices.Compact(all)
	return all[:min(len(all), maxComplaints)]
}

var compiledSchema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaText))
	if err != nil {
		return nil, fmt.Errorf("read assistant.schema.json: %w", err)
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(jsonschema.SchemeURLLoader{}) // schemas are never loaded from files or the network
	c.AssertFormat()
	if err := c.AddResource("assistant.schema.json", document); err != nil {
		return nil, err
	}
	return c.Compile("assistant.schema.json")
})

func checkSchema(value any) []fault.Complaint {
	schema, err := compiledSchema()
	if err == nil {
		err = schema.Validate(value)
	}
	if err == nil {
		return nil
	}
	if invalid, ok := errors.AsType[*jsonschema.ValidationError](err); ok {
		return fieldErrors(invalid)
	}
	return []fault.Complaint{{Message: err.Error(), Code: CodeInvalid}}
}

// fieldErrors returns one complaint for each field that a validation error names.
func fieldErrors(e *jsonschema.ValidationError) []fault.Complaint {
	var all []fault.Complaint
	for _, c := range e.Causes {
		all = append(all, fieldErrors(c)...)
	}
	if len(e.Causes) > 0 {
		return all
	}
	path := strings.Join(e.InstanceLocation, ".")
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		for _, name := range k.Missing {
			all = append(all, fault.Complaint{Path: joinPath(path, name), Message: "is missing", Code: CodeMissing})
		}
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			all = append(all, fault.Complaint{Path: joinPath(path, name), Message: "is not a field of an assistant", Code: CodeUnknownField})
		}
	default:
		all = append(all, fault.Complaint{Path: path, Message: e.ErrorKind.LocalizedString(message.NewPrinter(language.English)), Code: CodeInvalid})
	}
	return all
}

func joinPath(parent, field string) string {
	if parent == "" {
		return field
	}
	return parent + "." + field
}

// checkSemantics checks what the JSON schema cannot: prompt templates, tools, the analysis schema, the time zone and the
// retention.
func (c Checker) checkSemantics(document []byte) (all []fault.Complaint) {
	var a aurora.Assistant
	if json.Unmarshal(document, &a) != nil {
		return nil // the JSON schema has reported it
	}
	report := func(path, code, format string, args ...any) {
		all = append(all, fault.Complaint{Path: path, Code: code, Message: fmt.Sprintf(format, args...)})
	}
	for path, template := range map[string]aurora.Text{"assistantPrompt": a.AssistantPrompt, "assistantFirstMessage": a.AssistantFirstMessage} {
		for _, err := range liquid.Check(string(template)) {
			report(path, CodeTemplate, "%v", err)
		}
	}
	if err := tools.CheckTools(a, c.PrivateHosts...); err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			path, text, _ := strings.Cut(line, ": ")
			report(path, CodeTool, "%s", text)
		}
	}
	for i, m := range a.Models {
		if err := checkModelServer(m.BaseURL); err != nil {
			report(fmt.Sprintf("models.%d.baseUrl", i), CodeInvalid, "%v", err)
		}
	}
	if len(a.Analysis.Schema) > 0 {
		if _, err := toolschema.Compile(a.Analysis.Schema); err != nil {
			report("analysis.schema", CodeSchema, "%s", strings.Join(strings.Fields(err.Error()), " "))
		}
		all = append(all, checkSchemaField("analysis.schema", a.Analysis.Schema)...)
	}
	for i, tool := range a.Tools {
		all = append(all, checkSchemaField(fmt.Sprintf("tools.%d.parameters", i), tool.Parameters)...)
	}
	if number, ok := aurora.ParsePhone(a.FallbackNumber); ok && slices.Contains(a.Numbers(), number) {
		report("fallbackNumber", CodeInvalid, "it is one of the assistant's own numbers, so calls would come back")
	}
	if zone := string(a.TimeZone); zone != "" {
		if _, err := time.LoadLocation(zone); err != nil || zone == "Local" {
			report("timeZone", CodeInvalid, "%q is no zone such as America/New_York", zone)
		}
	}
	if c.MaxRetentionDays > 0 && a.RetentionDays > c.MaxRetentionDays {
		report("retentionDays", CodeInvalid, "%d is more than the %d days that the deployment keeps calls (RETENTION_DAYS)", a.RetentionDays, c.MaxRetentionDays)
	}
	return all
}

// checkModelServer returns an error for a model's server whose address is not public. The functions check names when they
// connect. Loopback is for make run.
func checkModelServer(base string) error {
	u, err := url.Parse(base)
	if err != nil {
		return errors.New("the address cannot be read")
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil && !a.IsLoopback() && !netguard.IsPublic(a) {
		return errors.New("the address is not on the internet")
	}
	return nil
}

// checkSchemaField checks a JSON Schema completely. toolschema, which checks it in the functions, ignores the keywords that
// it does not know.
func checkSchemaField(path string, text json.RawMessage) []fault.Complaint {
	if len(text) == 0 || string(text) == "null" {
		return nil
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err == nil {
		c := jsonschema.NewCompiler()
		c.UseLoader(jsonschema.SchemeURLLoader{}) // load nothing
		if err = c.AddResource("schema.json", document); err == nil {
			_, err = c.Compile("schema.json")
		}
	}
	if err == nil {
		return nil
	}
	if invalid, ok := errors.AsType[*jsonschema.SchemaValidationError](err); ok {
		if cause, ok := errors.AsType[*jsonschema.ValidationError](invalid.Err); ok {
			all := fieldErrors(cause)
			for i := range all {
				all[i].Path, all[i].Code = strings.TrimSuffix(path+"."+all[i].Path, "."), CodeSchema
			}
			return all
		}
	}
	return []fault.Complaint{{Path: path, Message: strings.Join(strings.Fields(err.Error()), " "), Code: CodeSchema}}
}
