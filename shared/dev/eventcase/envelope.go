package eventcase

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"go.yaml.in/yaml/v3"
)

// What AWS fills in. None of it decides anything, but for the domain and the stage, which are part of a signed address.
const (
	account   = "123456789012"
	region    = "us-east-1"
	restAPI   = "abc123"
	stage     = "prod"
	domain    = restAPI + ".execute-api." + region + ".amazonaws.com"
	urlID     = "u1"
	urlDomain = urlID + ".lambda-url." + region + ".on.aws"
	sourceIP  = "203.0.113.7"
	userAgent = "curl/8.5.0"
	requestID = "00000000-0000-4000-8000-000000000001"
	when      = "20/Nov/2026:18:00:00 +0000"
	epoch     = 1795197600000 // when, in milliseconds
)

// rest returns the event of an API Gateway REST API with Lambda proxy integration.
func (c *Case) rest() (json.RawMessage, error) {
	body, encoded, err := c.wire()
	if err != nil {
		return nil, err
	}
	single, multi, err := c.restHeaders(body != nil)
	if err != nil {
		return nil, err
	}
	authorizer, err := c.authorizerContext()
	if err != nil {
		return nil, err
	}
	query, queries := c.queries()
	resource, parameters := c.resource()
	return indent(struct {
		Resource          string              `json:"resource"`
		Path              string              `json:"path"`
		Method            string              `json:"httpMethod"`
		Headers           map[string]string   `json:"headers"`
		MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
		Query             map[string]string   `json:"queryStringParameters"`
		MultiValueQuery   map[string][]string `json:"multiValueQueryStringParameters"`
		PathParameters    map[string]string   `json:"pathParameters"`
		StageVariables    map[string]string   `json:"stageVariables"`
		RequestContext    restContext         `json:"requestContext"`
		Body              *string             `json:"body"`
		IsBase64Encoded   bool                `json:"isBase64Encoded"`
	}{resource, string(c.Path), c.method(), single, multi, query, queries, parameters, nil, c.restContext(resource, single["User-Agent"], authorizer), body, encoded})
}

type restContext struct {
	Account    string          `json:"accountId"`
	API        string          `json:"apiId"`
	ResourceID string          `json:"resourceId"`
	Resource   string          `json:"resourcePath"`
	Method     string          `json:"httpMethod"`
	Path       string          `json:"path"`
	Stage      string          `json:"stage"`
	Domain     string          `json:"domainName"`
	Prefix     string          `json:"domainPrefix"`
	Protocol   string          `json:"protocol"`
	RequestID  string          `json:"requestId"`
	ExtendedID string          `json:"extendedRequestId"`
	Time       string          `json:"requestTime"`
	Epoch      int64           `json:"requestTimeEpoch"`
	Identity   identity        `json:"identity"`
	Authorizer json.RawMessage `json:"authorizer,omitempty"`
}

type identity struct {
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

func (c *Case) restContext(resource, agent string, authorizer json.RawMessage) restContext {
	return restContext{Account: account, API: restAPI, ResourceID: "r1", Resource: resource, Method: c.method(), Path: "/" + stage + string(c.Path), Stage: stage,
		Domain: domain, Prefix: restAPI, Protocol: "HTTP/1.1", RequestID: requestID, ExtendedID: "x1", Time: when, Epoch: epoch,
		Identity: identity{sourceIP, agent}, Authorizer: authorizer}
}

// authorizerRequest returns the event of a REST API's request authorizer.
func (c *Case) authorizerRequest() (json.RawMessage, error) {
	single, multi, err := c.restHeaders(false)
	if err != nil {
		return nil, err
	}
	resource, _ := c.resource()
	none := map[string]string{}
	return indent(struct {
		Type              string              `json:"type"`
		MethodARN         string              `json:"methodArn"`
		Resource          string              `json:"resource"`
		Path              string              `json:"path"`
		Method            string              `json:"httpMethod"`
		Headers           map[string]string   `json:"headers"`
		MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
		Query             map[string]string   `json:"queryStringParameters"`
		MultiValueQuery   map[string]string   `json:"multiValueQueryStringParameters"`
		PathParameters    map[string]string   `json:"pathParameters"`
		StageVariables    map[string]string   `json:"stageVariables"`
		RequestContext    restContext         `json:"requestContext"`
	}{"REQUEST", fmt.Sprintf("arn:aws:execute-api:%s:%s:%s/%s/%s%s", region, account, restAPI, stage, c.method(), c.Path),
		resource, string(c.Path), c.method(), single, multi, none, none, none, none, c.restContext(resource, single["User-Agent"], nil)})
}

// url returns the event of a function URL.
func (c *Case) url() (json.RawMessage, error) {
	body, encoded, err := c.wire()
	if err != nil {
		return nil, err
	}
	headers, err := c.headers(body != nil, urlDomain)
	if err != nil {
		return nil, err
	}
	lower := map[string]string{}
	for name, v := range headers {
		lower[strings.ToLower(name)] = strings.Join(v, ",")
	}
	_, queries := c.queries()
	type call struct {
		Method    string `json:"method"`
		Path      string `json:"path"`
		Protocol  string `json:"protocol"`
		SourceIP  string `json:"sourceIp"`
		UserAgent string `json:"userAgent"`
	}
	type context struct {
		Account   string `json:"accountId"`
		API       string `json:"apiId"`
		Domain    string `json:"domainName"`
		Prefix    string `json:"domainPrefix"`
		HTTP      call   `json:"http"`
		RequestID string `json:"requestId"`
		Route     string `json:"routeKey"`
		Stage     string `json:"stage"`
		Time      string `json:"time"`
		Epoch     int64  `json:"timeEpoch"`
	}
	return indent(struct {
		Version         string            `json:"version"`
		Route           string            `json:"routeKey"`
		Path            string            `json:"rawPath"`
		Query           string            `json:"rawQueryString"`
		Headers         map[string]string `json:"headers"`
		RequestContext  context           `json:"requestContext"`
		Body            *string           `json:"body,omitempty"`
		IsBase64Encoded bool              `json:"isBase64Encoded"`
	}{"2.0", "$default", string(c.Path), url.Values(queries).Encode(), lower,
		context{"anonymous", urlID, urlDomain, urlID, call{c.method(), string(c.Path), "HTTP/1.1", sourceIP, lower["user-agent"]}, requestID, "$default", "$default", when, epoch},
		body, encoded})
}

func (c *Case) method() string { return cmp.Or(c.Method, http.MethodPost) }

// headers returns those that every client sends, and the case's own.
func (c *Case) headers(body bool, host string) (map[string][]string, error) {
	all := map[string]*values{"Accept": {"*/*"}, "Host": {host}, "User-Agent": {userAgent}, "X-Forwarded-For": {sourceIP},
		"X-Forwarded-Port": {"443"}, "X-Forwarded-Proto": {"https"}}
	if body && c.Form.IsZero() {
		all["Content-Type"] = &values{"application/json"}
	}
	if !c.Form.IsZero() {
		all["Content-Type"] = &values{"application/x-www-form-urlencoded; charset=utf-8"}
	}
	if c.Twilio != nil {
		signature, err := c.sign()
		if err != nil {
			return nil, err
		}
		all["X-Twilio-Signature"] = &values{signature}
	}
	sent := map[string][]string{}
	for name, v := range mergeHeaders(all, c.Headers) {
		if v != nil {
			sent[name] = *v
		}
	}
	return sent, nil
}

// restHeaders returns the headers as a REST event has them: the last value of each, and all of them.
func (c *Case) restHeaders(body bool) (map[string]string, map[string][]string, error) {
	multi, err := c.headers(body, domain)
	single := map[string]string{}
	for name, v := range multi {
		single[name] = v[len(v)-1]
	}
	return single, multi, err
}

func (c *Case) queries() (map[string]string, map[string][]string) {
	var single map[string]string
	var multi map[string][]string
	for name, value := range c.Query {
		if value == nil {
			continue
		}
		if single == nil {
			single, multi = map[string]string{}, map[string][]string{}
		}
		single[name], multi[name] = string(*value), []string{string(*value)}
	}
	return single, multi
}

// resource returns the route that API Gateway found for the path, and the path's parameters.
func (c *Case) resource() (string, map[string]string) {
	route, path := strings.Split(c.Route, "/"), strings.Split(string(c.Path), "/")
	if c.Route == "" || len(route) != len(path) {
		return string(c.Path), nil
	}
	var parameters map[string]string
	for i, part := range route {
		name, isParameter := strings.CutPrefix(part, "{")
		switch {
		case isParameter && path[i] != "":
			if parameters == nil {
				parameters = map[string]string{}
			}
			parameters[strings.TrimSuffix(name, "}")] = path[i]
		case part != path[i]:
			return string(c.Path), nil
		}
	}
	return c.Route, parameters
}

// authorizerContext returns what API Gateway passes on of the authorizer's answer.
func (c *Case) authorizerContext() (json.RawMessage, error) {
	n := resolve(&c.Authorizer)
	if n.Kind != yaml.MappingNode {
		return nil, nil
	}
	members, err := JSON(n)
	if err != nil {
		return nil, err
	}
	var context map[string]any
	if err := json.Unmarshal(members, &context); err != nil {
		return nil, err
	}
	if _, ok := context["principalId"]; !ok {
		context["principalId"] = context["keyId"]
	}
	context["integrationLatency"] = 3
	return json.Marshal(context)
}

func indent(event any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(event)
	return b.Bytes(), err
}
