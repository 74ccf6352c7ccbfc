package emulator

import (
	"fmt"
	"os"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	region  = "us-east-1"
	account = "000000000000"
)

// template is template.yaml with the default values of its parameters. It evaluates intrinsic functions.
type template struct {
	document   *yaml.Node
	parameters map[string]any
	conditions map[string]any
	globals    map[string]any
	resources  map[string]*resource
	order      []string // logical ids in the order of the file

	refs map[string]string // values of !Ref that only the running stores know
	arns map[string]string // of queues, by logical id, once the store has said them
}

type resource struct {
	logical    string
	kind       string
	properties map[string]any
	condition  string
}

// readTemplate reads a template. Parameters have their default values.
func readTemplate(path string) (*template, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the template: %w", err)
	}
	t := &template{document: &yaml.Node{}, parameters: map[string]any{}, resources: map[string]*resource{}, refs: map[string]string{}, arns: map[string]string{}}
	if err := yaml.Unmarshal(text, t.document); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	tree, ok := decodeNode(t.document).(map[string]any)
	if !ok {
		return nil, fmt.Errorf("read %s: it is not a YAML mapping", path)
	}
	for name, p := range toMap(tree["Parameters"]) {
		t.parameters[name] = toMap(p)["Default"]
	}
	t.conditions = toMap(tree["Conditions"])
	t.globals = toMap(tree["Globals"])
	for name, r := range toMap(tree["Resources"]) {
		entry := toMap(r)
		kind, _ := entry["Type"].(string)
		condition, _ := entry["Condition"].(string)
		t.resources[name] = &resource{logical: name, kind: kind, properties: toMap(entry["Properties"]), condition: condition}
	}
	t.order = keysInOrder(t.document, "Resources")
	return t, nil
}

// setParameters replaces the default values of parameters. given is in the form of SAM's parameter_overrides: Name=value,
// separated by spaces.
func (t *template) setParameters(given string) error {
	for _, entry := range strings.Fields(given) {
		name, value, ok := strings.Cut(entry, "=")
		if _, known := t.parameters[name]; !ok || !known {
			return fmt.Errorf("STACK_PARAMETERS: %q is no parameter of the template with a value, such as LogLevel=debug", entry)
		}
		t.parameters[name] = value
	}
	return nil
}

// keysInOrder returns the keys of a top-level mapping in the order of the file.
func keysInOrder(document *yaml.Node, section string) []string {
	var names []string
	if node := childNode(document.Content[0], section); node != nil {
		for i := 0; i+1 < len(node.Content); i += 2 {
			names = append(names, node.Content[i].Value)
		}
	}
	return names
}

// childNode returns the value of a key in a mapping node, or nil.
func childNode(node *yaml.Node, key string) *yaml.Node {
	for i := 0; node != nil && i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return node.Content[i+1]
		}
	}
	return nil
}

// decodeNode converts YAML to maps, slices and scalars. CloudFormation's short tags become their long form: Fn::Sub for !Sub.
func decodeNode(node *yaml.Node) any {
	var value any
	switch node.Kind {
	case yaml.DocumentNode:
		return decodeNode(node.Content[0])
	case yaml.AliasNode:
		return decodeNode(node.Alias)
	case yaml.MappingNode:
		m := make(map[string]any, len(node.Content)/2)
		for i := 0; i+1 < len(node.Content); i += 2 {
			m[node.Content[i].Value] = decodeNode(node.Content[i+1])
		}
		value = m
	case yaml.SequenceNode:
		list := make([]any, 0, len(node.Content))
		for _, n := range node.Content {
			list = append(list, decodeNode(n))
		}
		value = list
	default:
		if strings.HasPrefix(node.Tag, "!") && !strings.HasPrefix(node.Tag, "!!") {
			value = node.Value
		} else if err := node.Decode(&value); err != nil {
			value = node.Value
		}
	}
	if strings.HasPrefix(node.Tag, "!!") || !strings.HasPrefix(node.Tag, "!") {
		return value
	}
	switch name := node.Tag[1:]; name {
	case "Ref", "Condition":
		return map[string]any{name: value}
	case "GetAtt":
		if s, ok := value.(string); ok {
			logical, attribute, _ := strings.Cut(s, ".")
			value = []any{logical, attribute}
		}
		return map[string]any{"Fn::GetAtt": value}
	default:
		return map[string]any{"Fn::" + name: value}
	}
}

// noValue stands for AWS::NoValue: the property or list entry that has it is left out.
type noValue struct{}

// resolve evaluates the intrinsic functions in a value.
func (t *template) resolve(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 1 {
			for name, argument := range v {
				if name == "Ref" || name == "Condition" || strings.HasPrefix(name, "Fn::") {
					return t.evaluate(name, argument)
				}
			}
		}
		out := make(map[string]any, len(v))
		for name, value := range v {
			if r := t.resolve(value); r != (noValue{}) {
				out[name] = r
			}
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		for _, value := range v {
			if r := t.resolve(value); r != (noValue{}) {
				out = append(out, r)
			}
		}
		return out
	}
	return v
}

func (t *template) evaluate(name string, argument any) any {
	switch name {
	case "Ref":
		return t.ref(toString(argument))
	case "Condition":
		return t.conditionHolds(toString(argument))
	case "Fn::GetAtt":
		parts := toList(argument)
		if len(parts) != 2 {
			return ""
		}
		return t.attribute(toString(parts[0]), toString(t.resolve(parts[1])))
	case "Fn::Sub":
		return t.substitute(argument)
	}
	arguments := toList(argument)
	at := func(i int) any {
		if i < len(arguments) {
			return t.resolve(arguments[i])
		}
		return nil
	}
	switch name {
	case "Fn::If":
		if t.conditionHolds(toString(at(0))) {
			return at(1)
		}
		return at(2)
	case "Fn::Equals":
		return toString(at(0)) == toString(at(1))
	case "Fn::Not":
		return !toBool(at(0))
	case "Fn::And", "Fn::Or":
		for i := range arguments {
			if toBool(at(i)) == (name == "Fn::Or") {
				return name == "Fn::Or"
			}
		}
		return name == "Fn::And"
	case "Fn::Join":
		var parts []string
		for _, p := range toList(at(1)) {
			parts = append(parts, toString(p))
		}
		return strings.Join(parts, toString(at(0)))
	case "Fn::Select":
		if l, i := toList(at(1)), toInt(at(0), 0); i >= 0 && i < len(l) {
			return l[i]
		}
		return ""
	case "Fn::Split":
		var parts []any
		for _, p := range strings.Split(toString(at(1)), toString(at(0))) {
			parts = append(parts, p)
		}
		return parts
	}
	return "" // Fn::ImportValue, Fn::FindInMap and others have no value on one machine
}

func (t *template) conditionHolds(condition string) bool {
	return toBool(t.resolve(t.conditions[condition]))
}

var substitutionPattern = regexp.MustCompile(`\$\{([^}]*)\}`)

func (t *template) substitute(argument any) string {
	text, own := toString(argument), map[string]any(nil)
	if parts := toList(argument); len(parts) == 2 {
		text, own = toString(parts[0]), toMap(parts[1])
	}
	return substitutionPattern.ReplaceAllStringFunc(text, func(match string) string {
		name := match[2 : len(match)-1]
		if strings.HasPrefix(name, "!") {
			return "${" + name[1:] + "}"
		}
		if value, ok := own[name]; ok {
			return toString(t.resolve(value))
		}
		if logical, attribute, dotted := strings.Cut(name, "."); dotted {
			return t.attribute(logical, attribute)
		}
		return toString(t.ref(name))
	})
}

// ref returns the value of !Ref.
func (t *template) ref(name string) any {
	switch name {
	case "AWS::NoValue":
		return noValue{}
	case "AWS::Region":
		return region
	case "AWS::AccountId":
		return account
	case "AWS::Partition":
		return "aws"
	case "AWS::URLSuffix":
		return "amazonaws.com"
	case "AWS::StackName", "AWS::StackId":
		return t.stackName()
	}
	if value, ok := t.refs[name]; ok {
		return value
	}
	if value, ok := t.parameters[name]; ok {
		return value
	}
	if function, ok := strings.CutSuffix(name, ".Alias"); ok {
		return t.attribute(function, "Arn") // one machine has one version of a function
	}
	if r := t.resources[name]; r != nil {
		switch r.kind {
		case "AWS::Serverless::Api":
			return apiID
		case "AWS::Serverless::WebSocketApi":
			return socketID(r)
		case "AWS::SecretsManager::Secret", "AWS::SQS::Queue":
			return t.arn(r) // until the store's address is known
		}
		return t.physicalName(r)
	}
	return name
}

func (t *template) stackName() string {
	if stage := toString(t.parameters["Stage"]); stage != "" {
		return "aurora-" + stage
	}
	return "aurora"
}

// stageName returns the stage of the deployment: dev, prod, or local without a Stage parameter.
func (t *template) stageName() string {
	if stage := toString(t.parameters["Stage"]); stage != "" {
		return stage
	}
	return "local"
}

// physicalName returns a resource's physical name: the one in its properties, or one in CloudFormation's form. A table whose
// condition does not hold exists already, and a parameter has its name.
func (t *template) physicalName(r *resource) string {
	if name := toString(t.parameters[r.logical+"Name"]); name != "" && r.kind == "AWS::DynamoDB::Table" && !t.conditionHolds(r.condition) {
		return name
	}
	property := map[string]string{"AWS::DynamoDB::Table": "TableName", "AWS::SQS::Queue": "QueueName", "AWS::S3::Bucket": "BucketName",
		"AWS::SecretsManager::Secret": "Name", "AWS::Serverless::Function": "FunctionName", "AWS::Logs::LogGroup": "LogGroupName"}[r.kind]
	if given, ok := r.properties[property]; ok {
		if name := toString(t.resolve(given)); name != "" {
			return name
		}
	}
	name := t.stackName() + "-" + r.logical
	if r.kind == "AWS::S3::Bucket" {
		return strings.ToLower(name)
	}
	return name
}

func (t *template) arn(r *resource) string {
	if arn := t.arns[r.logical]; arn != "" {
		return arn
	}
	name := t.physicalName(r)
	switch r.kind {
	case "AWS::S3::Bucket":
		return "arn:aws:s3:::" + name
	case "AWS::SQS::Queue":
		return "arn:aws:sqs:" + region + ":" + account + ":" + name
	case "AWS::DynamoDB::Table":
		return "arn:aws:dynamodb:" + region + ":" + account + ":table/" + name
	case "AWS::Serverless::Function":
		return "arn:aws:lambda:" + region + ":" + account + ":function:" + name
	case "AWS::SecretsManager::Secret":
		return "arn:aws:secretsmanager:" + region + ":" + account + ":secret:" + name
	}
	return "arn:aws:local:" + region + ":" + account + ":" + name
}

// attribute returns the value of !GetAtt.
func (t *template) attribute(logical, attribute string) string {
	r := t.resources[logical]
	switch {
	case r == nil && attribute == "FunctionUrl":
		return t.refs[logical]
	case r == nil:
		return ""
	case attribute == "Arn":
		return t.arn(r)
	case attribute == "QueueName":
		return t.physicalName(r)
	case attribute == "QueueUrl":
		return toString(t.ref(logical))
	}
	return t.physicalName(r)
}
