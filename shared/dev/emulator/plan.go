package emulator

import (
	"fmt"
	"path"
	"sort"
	"strings"
	"time"
)

// apiID takes the place of the random id that AWS gives an API.
const apiID = "local"

// plan is the content of the template that the emulator uses.
type plan struct {
	stage      string
	functions  []*functionPlan
	api        apiPlan
	webSockets []*socketPlan
	tables     []*resource
	queues     []*resource
	buckets    []*resource
	secrets    []*resource
	warnings   []string // what the template has and the emulator does not do
}

// addresses returns the number of ports that callers use after that of the API: for function URLs and WebSocket APIs.
func (p *plan) addresses() int {
	n := len(p.webSockets)
	for _, f := range p.functions {
		if f.url != nil {
			n++
		}
	}
	return n
}

// functionPlan describes one function.
type functionPlan struct {
	logical, folder, name, arn string
	environment                map[string]any // resolved when the stores have addresses
	timeout                    time.Duration
	memory                     int
	reserved                   int // 0 is none
	retries                    int // of Event invocations
	onFailure                  string
	url                        *urlPlan
	sources                    []sourcePlan
	schedules                  []schedulePlan
}

type urlPlan struct {
	streams bool
	cors    map[string]any
}

type sourcePlan struct {
	queue       string // name
	arn         string
	batch       int
	window      time.Duration
	concurrency int
	partial     bool // ReportBatchItemFailures
}

type schedulePlan struct {
	name       string
	expression string
	zone       string
	input      string
}

type apiPlan struct {
	routes      []*routePlan
	authorizers map[string]*authorizerPlan
	responses   map[string]responsePlan
	binary      []string
	cors        map[string]any
}

type routePlan struct {
	function   *functionPlan
	method     string // upper case, or ANY
	path       string
	streams    bool
	timeout    time.Duration
	authorizer string // "" is none
}

type authorizerPlan struct {
	name, arn string
	token     bool // TOKEN, not REQUEST
	headers   []string
	queries   []string
	context   []string
	pattern   string // ValidationExpression of a TOKEN authorizer
	ttl       time.Duration
}

type responsePlan struct {
	status    int
	headers   map[string]string
	templates map[string]string
}

// newPlan reads a plan from the template.
func newPlan(t *template) (*plan, error) {
	p := &plan{stage: t.stageName(), api: apiPlan{authorizers: map[string]*authorizerPlan{}, responses: map[string]responsePlan{}}}
	for _, logical := range t.order {
		r := t.resources[logical]
		if r.condition != "" && !t.conditionHolds(r.condition) && r.kind != "AWS::DynamoDB::Table" {
			continue
		}
		switch r.kind {
		case "AWS::Serverless::Api":
			p.api.read(t, r)
		case "AWS::Serverless::WebSocketApi":
			if err := p.readWebSocketAPI(t, r); err != nil {
				return nil, fmt.Errorf("%s: %w", logical, err)
			}
		case "AWS::Serverless::Function":
			f, err := p.readFunction(t, r)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", logical, err)
			}
			p.functions = append(p.functions, f)
		case "AWS::DynamoDB::Table":
			p.tables = append(p.tables, r)
		case "AWS::SQS::Queue":
			p.queues = append(p.queues, r)
		case "AWS::S3::Bucket":
			p.buckets = append(p.buckets, r)
		case "AWS::SecretsManager::Secret":
			p.secrets = append(p.secrets, r)
		}
	}
	for _, r := range p.api.routes {
		if r.authorizer == defaultAuthorizer {
			r.authorizer = p.api.defaultAuthorizer(t)
		}
		if r.authorizer != "" && p.api.authorizers[r.authorizer] == nil {
			return nil, fmt.Errorf("route %s %s names the authorizer %q, which the API does not have", r.method, r.path, r.authorizer)
		}
	}
	return p, nil
}

// defaultAuthorizer marks a route without an authorizer of its own, until the API's default is known.
const defaultAuthorizer = "\x00default"

func (a *apiPlan) defaultAuthorizer(t *template) string {
	for _, r := range t.resources {
		if r.kind == "AWS::Serverless::Api" {
			return toString(t.resolve(toMap(r.properties["Auth"])["DefaultAuthorizer"]))
		}
	}
	return ""
}

func (a *apiPlan) read(t *template, r *resource) {
	properties := toMap(t.resolve(r.properties))
	a.binary = toStrings(properties["BinaryMediaTypes"])
	switch cors := properties["Cors"].(type) {
	case string:
		a.cors = map[string]any{"AllowOrigin": cors}
	case map[string]any:
		a.cors = cors
	}
	auth := toMap(properties["Auth"])
	for name, v := range toMap(auth["Authorizers"]) {
		a.authorizers[name] = newAuthorizerPlan(name, toMap(v))
	}
	for kind, v := range toMap(properties["GatewayResponses"]) {
		entry := toMap(v)
		response := responsePlan{status: toInt(entry["StatusCode"], 0), headers: map[string]string{}, templates: map[string]string{}}
		for header, value := range toMap(toMap(entry["ResponseParameters"])["Headers"]) {
			response.headers[header] = toString(value)
		}
		for kind, value := range toMap(entry["ResponseTemplates"]) {
			response.templates[kind] = toString(value)
		}
		a.responses[kind] = response
	}
}

func newAuthorizerPlan(name string, v map[string]any) *authorizerPlan {
	identity := toMap(v["Identity"])
	a := &authorizerPlan{name: name, arn: toString(v["FunctionArn"]), token: toString(v["FunctionPayloadType"]) != "REQUEST",
		headers: toStrings(identity["Headers"]), queries: toStrings(identity["QueryStrings"]), context: toStrings(identity["Context"]),
		pattern: toString(identity["ValidationExpression"]),
		ttl:     time.Duration(toInt(identity["ReauthorizeEvery"], 300)) * time.Second}
	if a.token {
		header := toString(identity["Header"])
		if header == "" {
			header = "Authorization"
		}
		a.headers = []string{header}
	}
	return a
}

func (p *plan) readFunction(t *template, r *resource) (*functionPlan, error) {
	global := toMap(t.globals["Function"])
	property := func(name string) any {
		if v, ok := r.properties[name]; ok {
			if resolved := t.resolve(v); resolved != (noValue{}) {
				return resolved
			}
		}
		return t.resolve(global[name])
	}
	code := toString(property("CodeUri"))
	if code == "" || code == "." {
		return nil, fmt.Errorf("CodeUri must name the function's folder")
	}
	f := &functionPlan{logical: r.logical, folder: path.Base(path.Clean(code)), name: t.physicalName(r), arn: t.arn(r), environment: map[string]any{},
		timeout: time.Duration(toInt(property("Timeout"), 3)) * time.Second, memory: toInt(property("MemorySize"), 128),
		reserved: toInt(property("ReservedConcurrentExecutions"), 0), retries: 2}
	for _, source := range []any{global["Environment"], r.properties["Environment"]} {
		for name, v := range toMap(toMap(source)["Variables"]) {
			f.environment[name] = v
		}
	}
	if url := toMap(property("FunctionUrlConfig")); url != nil {
		if toString(url["AuthType"]) != "NONE" {
			p.warnings = append(p.warnings, r.logical+": its function URL has AuthType AWS_IAM; the emulator does not check signatures")
		}
		f.url = &urlPlan{streams: toString(url["InvokeMode"]) == "RESPONSE_STREAM", cors: toMap(url["Cors"])}
	}
	if async := toMap(property("EventInvokeConfig")); async != nil {
		f.retries = toInt(async["MaximumRetryAttempts"], 2)
		f.onFailure = toString(toMap(toMap(async["DestinationConfig"])["OnFailure"])["Destination"])
	}
	events := toMap(r.properties["Events"])
	for _, name := range sortedKeys(events) {
		if err := p.readEvent(t, f, name, toMap(t.resolve(events[name]))); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func (p *plan) readEvent(t *template, f *functionPlan, name string, event map[string]any) error {
	properties := toMap(event["Properties"])
	switch kind := toString(event["Type"]); kind {
	case "Api":
		p.addRoute(f, properties)
	case "SQS":
		arn := toString(properties["Queue"])
		batch := toInt(properties["BatchSize"], 10)
		f.sources = append(f.sources, sourcePlan{queue: arn[strings.LastIndexByte(arn, ':')+1:], arn: arn, batch: batch,
			window:      time.Duration(toInt(properties["MaximumBatchingWindowInSeconds"], 0)) * time.Second,
			concurrency: toInt(toMap(properties["ScalingConfig"])["MaximumConcurrency"], 10),
			partial:     strings.Contains(strings.Join(toStrings(properties["FunctionResponseTypes"]), " "), "ReportBatchItemFailures")})
	case "ScheduleV2", "Schedule":
		expression := toString(properties["ScheduleExpression"])
		if expression == "" {
			expression = toString(properties["Schedule"])
		}
		if _, err := parseSchedule(expression); err != nil {
			return fmt.Errorf("event %s: %w", name, err)
		}
		if toString(properties["State"]) == "DISABLED" || properties["Enabled"] == false {
			return nil
		}
		f.schedules = append(f.schedules, schedulePlan{name: f.logical + name, expression: expression,
			zone: toString(properties["ScheduleExpressionTimezone"]), input: toString(properties["Input"])})
	default:
		p.warnings = append(p.warnings, fmt.Sprintf("%s: the emulator sends no events of type %s", f.logical, kind))
	}
	return nil
}

// defaultRouteTimeout is API Gateway's time limit for a route without one.
const defaultRouteTimeout = 29 * time.Second

func (p *plan) addRoute(f *functionPlan, properties map[string]any) {
	r := &routePlan{function: f, method: strings.ToUpper(toString(properties["Method"])), path: toString(properties["Path"]),
		streams: toString(properties["ResponseTransferMode"]) == "RESPONSE_STREAM", timeout: defaultRouteTimeout, authorizer: defaultAuthorizer}
	if r.method == "*" || r.method == "X-AMAZON-APIGATEWAY-ANY-METHOD" {
		r.method = "ANY"
	}
	if ms := toInt(properties["TimeoutInMillis"], 0); ms > 0 {
		r.timeout = time.Duration(ms) * time.Millisecond
	}
	switch named := toString(toMap(properties["Auth"])["Authorizer"]); named {
	case "":
	case "NONE":
		r.authorizer = ""
	default:
		r.authorizer = named
	}
	p.api.routes = append(p.api.routes, r)
}

func sortedKeys[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
