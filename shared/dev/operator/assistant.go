package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/netguard"
	"example.com/aurora/shared/core/tools"
	"example.com/aurora/shared/core/toolschema"
	"example.com/aurora/shared/dev/emulator"
	"example.com/aurora/shared/usecase/chat"
)

//go:embed assistant.schema.json
var assistantSchema []byte

// assistant checks an assistant's JSON document and stores it in the local or a deployed stack.
func (p *program) assistant(ctx context.Context) error {
	f := p.flags("assistant")
	file := f.String("file", "", "the assistant's JSON document; - for standard input")
	stage := f.String("stage", "", "a deployed stage; empty for the local stack")
	if err := f.Parse(p.args); err != nil {
		return err
	}
	b, err := readFile(*file)
	if err != nil {
		return err
	}
	s, noStack := p.stack(ctx, *stage) // returned after the check: an invalid document is reported first
	hosts, err := p.privateHosts(s)
	if err != nil {
		return err
	}
	if err := checkAssistant(b, hosts...); err != nil {
		return fmt.Errorf("%s was not stored:\n%w", *file, err)
	}
	if err := p.checkRetention(b, s); err != nil {
		return fmt.Errorf("%s was not stored:\n  %w", *file, err)
	}
	if noStack != nil {
		return noStack
	}
	assistants := dynamo.NewAssistants(s.awsConfig("dynamodb"), s.tableName("assistants"), time.Now)
	if err := checkFallbackNumber(ctx, b, assistants); err != nil {
		return fmt.Errorf("%s was not stored:\n  %w", *file, err)
	}
	stored, err := assistants.Put(ctx, b)
	if err != nil {
		return fmt.Errorf("%s was not stored: %w", *file, err)
	}
	p.printLine("%s (%s) is stored in %s", stored.ID(), stored.AssistantName, s.tableName("assistants"))
	if len(stored.Numbers()) == 0 && stored.AssistantPhoneNumber != "" {
		p.printLine("its number %s is not in E.164 form (such as +15551230100), so calls to it will not find the assistant", stored.AssistantPhoneNumber)
	}
	return nil
}

// privateHosts returns the hosts of TOOL_PRIVATE_HOSTS: this command's, else those that the running stack was started
// with. s may be nil.
func (p *program) privateHosts(s *stack) ([]string, error) {
	list := p.env("TOOL_PRIVATE_HOSTS")
	if list == "" && s != nil && s.local != nil {
		var err error
		if list, err = emulator.FunctionVariable(p.dataFolder(), "TOOL_PRIVATE_HOSTS"); err != nil {
			return nil, err
		}
	}
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' }), nil
}

// checkRetention returns an error if an assistant's document asks for a longer retention than the deployment's: that of the
// running stack, else that of RETENTION_DAYS. s may be nil.
func (p *program) checkRetention(b []byte, s *stack) error {
	most, err := p.intFromEnv("RETENTION_DAYS", 400)
	if err != nil {
		return err
	}
	if s != nil && s.local != nil {
		if days, err := emulator.FunctionVariable(p.dataFolder(), "RETENTION_DAYS"); err != nil {
			return err
		} else if n, err := strconv.Atoi(days); err == nil {
			most = n
		}
	}
	a, err := aurora.ParseAssistant(b)
	if err == nil && a.RetentionDays > most {
		err = fmt.Errorf("retentionDays: %d is more than the %d days that the deployment keeps calls (RETENTION_DAYS)", a.RetentionDays, most)
	}
	return err
}

// checkFallbackNumber returns an error if the fallback number is one of the numbers of another assistant: a call that cannot be
// served would come back to us.
func checkFallbackNumber(ctx context.Context, b []byte, assistants aurora.AssistantFinder) error {
	a, err := aurora.ParseAssistant(b)
	if err != nil {
		return err
	}
	number, ok := aurora.ParsePhone(a.FallbackNumber)
	if !ok {
		return nil
	}
	other, err := assistants.ByNumber(ctx, number)
	switch {
	case fault.Is(err, fault.NotFound):
		return nil
	case err != nil && !fault.Is(err, fault.Internal): // an assistant that cannot be read still has the number
		return fmt.Errorf("the assistants cannot be read: %w", err)
	case other.ID() == a.ID() && a.ID() != "":
		return errors.New("fallbackNumber: it is the assistant's number so far, so calls would come back")
	}
	return errors.New("fallbackNumber: it is the number of another assistant, so calls would come back")
}

func readFile(name string) ([]byte, error) {
	switch name {
	case "":
		return nil, errors.New("FILE is needed: make assistant FILE=assistant.json [STAGE=prod]")
	case "-":
		return io.ReadAll(os.Stdin)
	}
	return os.ReadFile(name)
}

// checkAssistant returns an error with one line for each field of an assistant's JSON document that is not valid. privateHosts
// are those of TOOL_PRIVATE_HOSTS.
func checkAssistant(b []byte, privateHosts ...string) error {
	schema, err := compileSchema()
	if err != nil {
		return err
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		return fmt.Errorf("  it is not JSON: %w", err)
	}
	var invalidFields []string
	if err := schema.Validate(document); err != nil {
		invalid, ok := errors.AsType[*jsonschema.ValidationError](err)
		if !ok {
			return err
		}
		invalidFields = append(invalidFields, fieldErrors(invalid)...)
	}
	invalidFields = append(invalidFields, checkSemantics(b, privateHosts)...)
	if len(invalidFields) == 0 {
		return nil
	}
	slices.Sort(invalidFields)
	return errors.New("  " + strings.Join(slices.Compact(invalidFields), "\n  "))
}

func compileSchema() (*jsonschema.Schema, error) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(assistantSchema))
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
}

// fieldErrors returns one line for each cause of a validation error: the field and what is wrong with it.
func fieldErrors(e *jsonschema.ValidationError) []string {
	if len(e.Causes) > 0 {
		var all []string
		for _, c := range e.Causes {
			all = append(all, fieldErrors(c)...)
		}
		return all
	}
	field := strings.Join(e.InstanceLocation, ".")
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		return []string{joinPath(field, strings.Join(k.Missing, ", ")) + ": is missing"}
	case *kind.AdditionalProperties:
		return []string{joinPath(field, strings.Join(k.Properties, ", ")) + ": is not a field of an assistant"}
	}
	if field == "" {
		field = "the document"
	}
	return []string{field + ": " + e.ErrorKind.LocalizedString(message.NewPrinter(language.English))}
}

func joinPath(parent, field string) string {
	if parent == "" {
		return field
	}
	return parent + "." + field
}

// checkSemantics checks what the JSON schema cannot: prompt templates, tools, the analysis schema and the time zone. It returns
// one line for each problem.
func checkSemantics(b []byte, privateHosts []string) []string {
	var a aurora.Assistant
	if json.Unmarshal(b, &a) != nil {
		return nil // the JSON schema has reported it
	}
	var problems []string
	for field, template := range map[string]aurora.Text{"assistantPrompt": a.AssistantPrompt, "assistantFirstMessage": a.AssistantFirstMessage} {
		for _, err := range chat.CheckPrompt(string(template)) {
			problems = append(problems, fmt.Sprintf("%s: %v", field, err))
		}
	}
	if err := tools.CheckTools(a, privateHosts...); err != nil {
		problems = append(problems, strings.Split(err.Error(), "\n")...)
	}
	for i, m := range a.Models {
		if err := checkModelServer(m.BaseURL); err != nil {
			problems = append(problems, fmt.Sprintf("models.%d.baseUrl: %v", i, err))
		}
	}
	if len(a.Analysis.Schema) > 0 {
		if _, err := toolschema.Compile(a.Analysis.Schema); err != nil {
			problems = append(problems, "analysis.schema: "+strings.Join(strings.Fields(err.Error()), " "))
		}
		problems = append(problems, checkSchema("analysis.schema", a.Analysis.Schema)...)
	}
	for i, tool := range a.Tools {
		problems = append(problems, checkSchema(fmt.Sprintf("tools.%d.parameters", i), tool.Parameters)...)
	}
	if number, ok := aurora.ParsePhone(a.FallbackNumber); ok && slices.Contains(a.Numbers(), number) {
		problems = append(problems, "fallbackNumber: it is one of the assistant's own numbers, so calls would come back")
	}
	if zone := string(a.TimeZone); zone != "" {
		if _, err := time.LoadLocation(zone); err != nil || zone == "Local" {
			problems = append(problems, fmt.Sprintf("timeZone: %q is no zone such as America/New_York", zone))
		}
	}
	return problems
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

// checkSchema checks a JSON Schema completely. toolschema, which checks it in the functions, ignores the keywords that
// it does not know.
func checkSchema(field string, text json.RawMessage) []string {
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
			var problems []string
			for _, problem := range fieldErrors(cause) {
				problems = append(problems, field+"."+problem)
			}
			return problems
		}
	}
	return []string{field + ": " + strings.Join(strings.Fields(err.Error()), " ")}
}
