package eventcase

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// document is a file of cases.
type document struct {
	Include  []include   `yaml:"include"`
	Defaults defaults    `yaml:"defaults"`
	Answers  []yaml.Node `yaml:"answers"` // nothing reads them but the YAML aliases that point there
	Cases    []fields    `yaml:"cases"`
}

type include struct {
	File string            `yaml:"file"`
	With map[string]string `yaml:"with"`
}

type defaults struct {
	fields `yaml:",inline"`
	URL    fields `yaml:"url"`
}

// Path returns the file with a function's cases. root is the repository's folder.
func Path(root, function string) string {
	return filepath.Join(root, "functions", function, "testdata", "cases.yaml")
}

// Load reads the cases of a function, those of the included files last. root is the repository's folder.
func Load(root, function string) ([]*Case, error) {
	path := Path(root, function)
	own, err := read(path, nil)
	if err != nil {
		return nil, err
	}
	specs := own.Cases
	for _, i := range own.Include {
		shared, err := read(filepath.Join(filepath.Dir(path), filepath.FromSlash(i.File)), i.With)
		if err != nil {
			return nil, fmt.Errorf("%s: include: %w", path, err)
		}
		specs = append(specs, shared.Cases...)
	}
	cases := make([]*Case, len(specs))
	for i, s := range specs {
		cases[i] = &Case{root: root, function: function, fields: own.Defaults.of(s)}
	}
	return cases, checkNames(path, cases)
}

// Included returns the paths of the files that a function's cases include.
func Included(root, function string) ([]string, error) {
	d, err := read(Path(root, function), nil)
	if err != nil {
		return nil, err
	}
	files := make([]string, len(d.Include))
	for i, one := range d.Include {
		files[i] = filepath.Join(filepath.Dir(Path(root, function)), filepath.FromSlash(one.File))
	}
	return files, nil
}

// read decodes a file of cases after it has replaced every $(name) by its value.
func read(path string, with map[string]string) (d document, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return d, err
	}
	for name, value := range with {
		text = bytes.ReplaceAll(text, []byte("$("+name+")"), []byte(value))
	}
	if _, rest, left := bytes.Cut(text, []byte("$(")); left && with != nil {
		name, _, _ := bytes.Cut(rest, []byte(")"))
		return d, fmt.Errorf("%s: $(%s) has no value", path, name)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&d); err != nil && !errors.Is(err, io.EOF) {
		return d, fmt.Errorf("%s: %w", path, err)
	}
	return d, nil
}

// of returns the fields of a case with the defaults filled in.
func (d defaults) of(s fields) fields {
	base := d.fields
	if s.Event == "url" || s.Event == "" && base.Event == "url" {
		base = merge(base, d.URL)
	}
	return merge(base, s)
}

// merge returns base with what over says. Maps are merged name by name, everything else is replaced.
func merge(base, over fields) fields {
	result := over
	for _, field := range []struct{ to, from *string }{{&result.Event, &base.Event}, {&result.Method, &base.Method},
		{(*string)(&result.Path), (*string)(&base.Path)}, {&result.Route, &base.Route}, {&result.Like, &base.Like}, {&result.Base64, &base.Base64}} {
		if *field.to == "" {
			*field.to = *field.from
		}
	}
	for _, field := range []struct{ to, from *yaml.Node }{{&result.Body, &base.Body}, {&result.Authorizer, &base.Authorizer}, {&result.Given, &base.Given}} {
		if field.to.IsZero() {
			*field.to = *field.from
		}
	}
	result.Headers = mergeHeaders(base.Headers, over.Headers)
	result.Query = mergeMaps(base.Query, over.Query)
	result.Want = mergeMaps(base.Want, over.Want)
	if headers, both := base.Want["headers"], over.Want["headers"]; !headers.IsZero() && !both.IsZero() {
		result.Want["headers"] = mergeNodes(headers, both)
	}
	if over.Body.IsZero() { // a body of its own takes the place of the form
		result.Form = mergeNodes(base.Form, over.Form)
	}
	result.Twilio = mergeTwilio(base.Twilio, over.Twilio)
	return result
}

func mergeMaps[V any](base, over map[string]V) map[string]V {
	all := maps.Clone(base)
	if all == nil {
		return over
	}
	maps.Copy(all, over)
	return all
}

// mergeHeaders merges by name. A name of over replaces that name of base in any spelling.
func mergeHeaders(base, over map[string]*values) map[string]*values {
	all := maps.Clone(base)
	for name := range over {
		maps.DeleteFunc(all, func(other string, _ *values) bool { return strings.EqualFold(name, other) })
	}
	return mergeMaps(all, over)
}

func mergeTwilio(base, over *twilio) *twilio {
	switch {
	case base == nil:
		return over
	case over == nil:
		return base
	}
	result := *base
	if over.Token != "" {
		result.Token = over.Token
	}
	if over.Address != "" {
		result.Address = over.Address
	}
	return &result
}

// checkNames reports cases without a name, and names that would be the same as a file's name.
func checkNames(path string, cases []*Case) error {
	var problems []error
	seen := map[string]string{}
	for i, c := range cases {
		if c.Name == "" {
			problems = append(problems, fmt.Errorf("case %d has no name", i+1))
			continue
		}
		if other, ok := seen[c.Slug()]; ok {
			problems = append(problems, fmt.Errorf("the names %q and %q cannot be told apart", other, c.Name))
		}
		seen[c.Slug()] = c.Name
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// Unused returns the files that no case uses: whole events of the function, and JSON files beside its cases.yaml.
func Unused(root, function string, cases []*Case) ([]string, error) {
	events, err := filepath.Glob(filepath.Join(root, "events", function, "*"))
	if err != nil {
		return nil, err
	}
	bodies, err := filepath.Glob(filepath.Join(filepath.Dir(Path(root, function)), "*.json"))
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(append(events, bodies...), func(path string) bool {
		return slices.ContainsFunc(cases, func(c *Case) bool {
			return c.File != "" && path == c.wholePath(c.File) || c.Like != "" && path == c.wholePath(c.Like) ||
				c.Body.Tag == fileTag && path == c.bodyPath(c.Body.Value)
		})
	}), nil
}
