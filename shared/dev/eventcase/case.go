package eventcase

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Case is one named case: what Lambda sends to a function, and what the function's test wants.
type Case struct {
	root, function string
	fields
}

// fields are what a case can say; package documentation explains each.
type fields struct {
	Name       string               `yaml:"name"`
	File       string               `yaml:"file"`
	Event      string               `yaml:"event"`
	Method     string               `yaml:"method"`
	Path       text                 `yaml:"path"`
	Route      string               `yaml:"route"`
	Query      map[string]*text     `yaml:"query"`
	Headers    map[string]*values   `yaml:"headers"`
	Authorizer yaml.Node            `yaml:"authorizer"`
	Body       yaml.Node            `yaml:"body"`
	Like       string               `yaml:"like"`
	Set        yaml.Node            `yaml:"set"`
	Remove     []string             `yaml:"remove"`
	Form       yaml.Node            `yaml:"form"`
	Base64     string               `yaml:"base64"`
	Twilio     *twilio              `yaml:"twilio"`
	Messages   []message            `yaml:"messages"`
	Given      yaml.Node            `yaml:"given"`
	Want       map[string]yaml.Node `yaml:"want"`
}

// text is a text in which the tags !repeat and !join are carried out.
type text string

// UnmarshalYAML reads a text.
func (t *text) UnmarshalYAML(n *yaml.Node) error {
	s, err := Text(n)
	*t = text(s)
	return err
}

// values are the values of one header.
type values []string

// UnmarshalYAML reads one value or a list of them.
func (v *values) UnmarshalYAML(n *yaml.Node) error {
	if n.ShortTag() == "!!seq" {
		return n.Decode((*[]string)(v))
	}
	s, err := Text(n)
	*v = values{s}
	return err
}

// Slug returns the name as a file's name: lower case, with hyphens.
func (c *Case) Slug() string { return Slug(c.Name) }

// Slug turns a case's name into a file's name: lower case letters and digits, and hyphens between them.
func Slug(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	return strings.Join(words, "-")
}

// Setup decodes what the case says under given into a struct. A field that the struct does not have is an error.
func (c *Case) Setup(into any) error {
	if c.Given.IsZero() {
		return nil
	}
	text, err := yaml.Marshal(&c.Given)
	if err != nil {
		return err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("given: %w", err)
	}
	return nil
}

// Build returns the event as Lambda receives it, indented.
func (c *Case) Build() (json.RawMessage, error) {
	event, err := c.build()
	if err != nil {
		return nil, fmt.Errorf("case %q of %s: %w", c.Name, c.function, err)
	}
	return event, nil
}

func (c *Case) build() (json.RawMessage, error) {
	if c.File != "" {
		return os.ReadFile(c.wholePath(c.File))
	}
	switch c.Event {
	case "", "rest":
		return c.rest()
	case "url":
		return c.url()
	case "authorizer":
		return c.authorizerRequest()
	case "sqs":
		return c.sqs()
	case "plain":
		body, _, err := c.body()
		return body, err
	}
	return nil, fmt.Errorf("there is no event %q; there are rest, url, authorizer, sqs and plain", c.Event)
}

// wholePath returns the path of a whole event.
func (c *Case) wholePath(name string) string {
	return filepath.Join(c.root, "events", c.function, name+".json")
}

// fileTag marks a body that is JSON in a file beside cases.yaml.
const fileTag = "!file"

// bodyPath returns the path of such a file.
func (c *Case) bodyPath(name string) string {
	return filepath.Join(filepath.Dir(Path(c.root, c.function)), name)
}

// Payload returns the request's body, without the base64 in which an event may carry it.
func (c *Case) Payload() ([]byte, error) {
	if c.File != "" {
		return c.bodyOf(c.File)
	}
	body, _, err := c.body()
	return body, err
}

// Payloads returns the bodies of the requests of all cases of a function, by the cases' names: what other tests start from.
func Payloads(root, function string) (map[string]string, error) {
	cases, err := Load(root, function)
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	for _, c := range cases {
		body, err := c.Payload()
		if err != nil {
			return nil, err
		}
		all[c.Name] = string(body)
	}
	return all, nil
}

// bodyOf returns the body in a whole event.
func (c *Case) bodyOf(file string) ([]byte, error) {
	event, err := os.ReadFile(c.wholePath(file))
	if err != nil {
		return nil, err
	}
	var e struct {
		Body            string
		IsBase64Encoded bool
	}
	if err := json.Unmarshal(event, &e); err != nil {
		return nil, err
	}
	if e.IsBase64Encoded {
		return base64.StdEncoding.DecodeString(e.Body)
	}
	return []byte(e.Body), nil
}

// body returns the request's body. present is false where the request has none.
func (c *Case) body() (body []byte, present bool, err error) {
	if !c.Form.IsZero() {
		body, err = encodeForm(&c.Form)
		return body, true, err
	}
	n := resolve(&c.Body)
	if c.Like != "" && n.IsZero() {
		text, err := c.bodyOf(c.Like)
		if err != nil {
			return nil, false, err
		}
		if n, err = fromJSON(text); err != nil {
			return nil, false, err
		}
	}
	if n.Tag == fileTag {
		text, err := os.ReadFile(c.bodyPath(n.Value))
		if err != nil {
			return nil, false, err
		}
		if n, err = fromJSON(text); err != nil {
			return nil, false, fmt.Errorf("%s: %w", n.Value, err)
		}
	}
	switch {
	case n.IsZero() || n.ShortTag() == "!!null":
		return nil, false, nil
	case n.ShortTag() == "!!map" || n.ShortTag() == "!!seq":
		if n, err = change(n, resolve(&c.Set), c.Remove); err != nil {
			return nil, false, err
		}
		body, err = JSON(n)
		return body, true, err
	}
	text, err := Text(n)
	return []byte(text), true, err
}

// wire returns the body as an event carries it: nil where there is none, and whether it is said to be base64.
func (c *Case) wire() (*string, bool, error) {
	body, present, err := c.body()
	if err != nil || !present {
		return nil, false, err
	}
	text := string(body)
	if c.Base64 == "true" || !utf8.Valid(body) {
		text = base64.StdEncoding.EncodeToString(body)
		return &text, true, nil
	}
	return &text, c.Base64 == "claimed", nil
}
