package emulator

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"go.yaml.in/yaml/v3"
)

// samFile is the name of the file in the data folder that writeSAM writes.
const samFile = "sam.yaml"

// writeSAM writes a copy of the template with this run's environment and programs. With it,
// `sam local invoke X -t <data>/sam.yaml --docker-network host` uses the stores of this run.
func (s *Stack) writeSAM(path string) error {
	base, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	resources := childNode(s.template.document.Content[0], "Resources")
	for _, f := range s.plan.functions {
		resource := childNode(resources, f.logical)
		properties := childNode(resource, "Properties")
		code, err := filepath.Rel(base, filepath.Join(s.bin, f.folder))
		if err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
		setKey(properties, "CodeUri", stringNode(filepath.ToSlash(code)+"/"))
		setKey(properties, "Architectures", &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{stringNode(architecture())}})
		variables := &yaml.Node{Kind: yaml.MappingNode}
		vars := s.functionVariables(f)
		for _, name := range sortedKeys(vars) {
			setKey(variables, name, stringNode(vars[name]))
		}
		environment := &yaml.Node{Kind: yaml.MappingNode}
		setKey(environment, "Variables", variables)
		setKey(properties, "Environment", environment)
		deleteKey(resource, "Metadata") // the programs are already built
	}
	text, err := yaml.Marshal(s.template.document)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.WriteFile(path, text, 0o600)
}

// FunctionVariable returns the value of an environment variable that the functions of the stack in this data folder were
// started with. It is empty if no function has it.
func FunctionVariable(data, name string) (string, error) {
	path := filepath.Join(data, samFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	var file struct {
		Resources map[string]struct {
			Properties struct {
				Environment struct {
					Variables map[string]yaml.Node `yaml:"Variables"`
				} `yaml:"Environment"`
			} `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	for _, resource := range file.Resources {
		if v := resource.Properties.Environment.Variables[name]; v.Value != "" {
			return v.Value, nil
		}
	}
	return "", nil
}

func architecture() string {
	if runtime.GOARCH == "arm64" {
		return "arm64"
	}
	return "x86_64"
}

func stringNode(value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value, Style: yaml.DoubleQuotedStyle}
}

func setKey(mapping *yaml.Node, key string, value *yaml.Node) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			mapping.Content[i+1] = value
			return
		}
	}
	mapping.Content = append(mapping.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, value)
}

func deleteKey(mapping *yaml.Node, key string) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			mapping.Content = append(mapping.Content[:i], mapping.Content[i+2:]...)
			return
		}
	}
}
