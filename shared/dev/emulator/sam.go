package emulator

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"go.yaml.in/yaml/v3"
)

// writeSAM writes the template with this run's addresses declared as environment, and the programs built here as
// code, so that `sam local invoke X -t <data>/sam.yaml --docker-network host` works on the same stores.
func (s *Stack) writeSAM(path string) error {
	base, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	resources := under(s.template.document.Content[0], "Resources")
	for _, f := range s.plan.functions {
		resource := under(resources, f.logical)
		properties := under(resource, "Properties")
		code, err := filepath.Rel(base, filepath.Join(s.bin, f.folder))
		if err != nil {
			return fmt.Errorf("writing %s: %w", path, err)
		}
		set(properties, "CodeUri", scalar(filepath.ToSlash(code)+"/"))
		set(properties, "Architectures", &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{scalar(architecture())}})
		variables := &yaml.Node{Kind: yaml.MappingNode}
		vars := s.variables(f)
		for _, name := range sorted(vars) {
			set(variables, name, scalar(vars[name]))
		}
		environment := &yaml.Node{Kind: yaml.MappingNode}
		set(environment, "Variables", variables)
		set(properties, "Environment", environment)
		drop(resource, "Metadata") // it is built already
	}
	text, err := yaml.Marshal(s.template.document)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return os.WriteFile(path, text, 0o600)
}

func architecture() string {
	if runtime.GOARCH == "arm64" {
		return "arm64"
	}
	return "x86_64"
}

func scalar(value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value, Style: yaml.DoubleQuotedStyle}
}

func set(mapping *yaml.Node, key string, value *yaml.Node) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			mapping.Content[i+1] = value
			return
		}
	}
	mapping.Content = append(mapping.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, value)
}

func drop(mapping *yaml.Node, key string) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			mapping.Content = append(mapping.Content[:i], mapping.Content[i+2:]...)
			return
		}
	}
}
