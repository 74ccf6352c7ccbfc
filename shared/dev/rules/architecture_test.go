package rules_test

import (
	"go/ast"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// layers names the layers by path prefix. A package imports packages of its own layer and of the layers listed here.
// Use cases and adapters do not import each other: a use case declares the interface that it needs, an adapter
// satisfies it, and transport wires the two. dev is for development machines only, so no deployed package imports it.
var layers = map[string][]string{
	"shared/core":      {},
	"shared/usecase":   {"shared/core"},
	"shared/adapter":   {"shared/core"},
	"shared/transport": {"shared/core", "shared/usecase", "shared/adapter"},
	"functions":        {"shared/core", "shared/usecase", "shared/adapter", "shared/transport"},
	"shared/dev":       {"shared/core", "shared/usecase", "shared/adapter", "shared/transport"},
}

// independent lists the layers whose packages do not import each other.
var independent = []string{"shared/usecase", "shared/adapter"}

// layerOf returns the layer of a folder, or "" for a folder that is in none.
func layerOf(folder string) string {
	for layer := range layers {
		if strings.HasPrefix(folder, layer+"/") {
			return layer
		}
	}
	return ""
}

// TestLayers checks every import against the layers. Test files may import shared/dev in addition: fakes and fixtures.
func TestLayers(t *testing.T) {
	t.Parallel()
	for _, s := range allSources(t) {
		if s.folder() == "shared" {
			continue // the map: no code
		}
		from := layerOf(s.folder())
		if from == "" {
			t.Errorf("%s is in no layer: a package lives in functions/ or in shared/{core,usecase,adapter,transport,dev}/", s.path)
			continue
		}
		for _, imported := range s.imports {
			folder, ours := strings.CutPrefix(imported, module)
			if !ours || folder == s.folder() {
				continue
			}
			to := layerOf(folder)
			switch {
			case s.isTest() && to == "shared/dev":
			case to == from && (from == "functions" || slices.Contains(independent, from)):
				t.Errorf("%s imports %s: packages of %s do not import each other", s.path, folder, from)
			case to != from && !slices.Contains(layers[from], to):
				t.Errorf("%s imports %s: %s may import %v only", s.path, folder, from, layers[from])
			}
		}
	}
}

// TestDeployedPackagesDoNotDependOnDev asks the go command, which follows imports of imports.
func TestDeployedPackagesDoNotDependOnDev(t *testing.T) {
	t.Parallel()
	list := exec.Command("go", "list", "-deps", "./functions/...")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	deps := strings.Fields(string(out))
	if !slices.Contains(deps, module+"shared/core/fault") {
		t.Fatalf("go list named %d packages, and shared/core/fault is not one of them", len(deps))
	}
	for _, dep := range deps {
		if strings.HasPrefix(dep, module+"shared/dev/") {
			t.Errorf("a deployed function depends on %s", dep)
		}
	}
}

// TestWhatFunctionsLink checks that a function links core/tools, and so the MCP client and 1.5 MB, only if it builds or checks tools, and
// that the functions on the way to the first word of a call do not link the phone tables, which cost 5 ms of a cold start.
func TestWhatFunctionsLink(t *testing.T) {
	t.Parallel()
	for _, name := range folders(t, "functions") {
		list := exec.Command("go", "list", "-deps", "./functions/"+name)
		list.Dir = root
		out, err := list.Output()
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		deps := strings.Fields(string(out))
		if slices.Contains(deps, module+"shared/core/tools") && !slices.Contains(deps, module+"shared/transport/toolwiring") && !slices.Contains(deps, module+"shared/core/assistantcheck") {
			t.Errorf("functions/%s depends on shared/core/tools without building or checking tools", name)
		}
		waited := slices.Contains([]string{"chat-completions", "chat-completions-voice", "chat-completions-chat", "voice-incoming", "voice-after", "voice-relay"}, name) || strings.HasPrefix(name, "authorizer-")
		if waited && slices.Contains(deps, module+"shared/core/phonetables") {
			t.Errorf("functions/%s depends on the phone tables", name)
		}
		if linked, set := slices.Contains(deps, module+"shared/core/phonetables"), collectorSetting(t, name) == "200"; linked != set {
			t.Errorf("functions/%s: links the phone tables %t, GOGC is 200 %t; want both or none", name, linked, set)
		}
	}
}

// collectorSetting returns the GOGC that the template sets for the function of a folder.
func collectorSetting(t *testing.T, folder string) string {
	t.Helper()
	for _, f := range sourceTemplate(t).ofType("AWS::Serverless::Function") {
		if strings.Trim(strings.TrimPrefix(f.text("CodeUri"), "functions/"), "/") == folder {
			return f.at("Environment", "Variables").text("GOGC")
		}
	}
	t.Errorf("the template has no function of functions/%s", folder)
	return ""
}

// TestLayout checks that the layer is in the path: a package is at shared/<layer>/<package>, never deeper.
func TestLayout(t *testing.T) {
	t.Parallel()
	for _, s := range allSources(t) {
		if parts := strings.Split(s.folder(), "/"); parts[0] == "shared" && len(parts) != 3 && s.folder() != "shared" {
			t.Errorf("%s: a package is at shared/<layer>/<package>", s.path)
		}
	}
}

// TestPackageMap checks that shared/doc.go names every package once, and no other.
func TestPackageMap(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "shared", "doc.go"))
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	layer := ""
	for line := range strings.Lines(string(text)) {
		entry, indented := strings.CutPrefix(line, "//\t")
		if !indented {
			continue
		}
		words := strings.Fields(entry)
		if name, isLayer := strings.CutSuffix(words[0], "/"); isLayer {
			layer = name
			continue
		}
		named = append(named, "shared/"+layer+"/"+words[0])
	}
	var there []string
	for _, s := range allSources(t) {
		if strings.HasPrefix(s.folder(), "shared/") && !slices.Contains(there, s.folder()) {
			there = append(there, s.folder())
		}
	}
	slices.Sort(named)
	slices.Sort(there)
	for _, folder := range there {
		if !slices.Contains(named, folder) {
			t.Errorf("shared/doc.go does not name %s", folder)
		}
	}
	for i, folder := range named {
		if !slices.Contains(there, folder) || i > 0 && named[i-1] == folder {
			t.Errorf("shared/doc.go names %s, which is not there or is named twice", folder)
		}
	}
}

// TestVendors checks where the libraries of vendors may be imported, test files excepted: path prefixes.
func TestVendors(t *testing.T) {
	t.Parallel()
	aws := []string{"shared/adapter/", "shared/transport/lambdaapp", "shared/dev/"}
	homes := map[string][]string{
		"github.com/aws/aws-lambda-go":               {"shared/transport/", "shared/adapter/sqs", "functions/", "shared/dev/"},
		"github.com/aws/aws-sdk-go-v2":               aws,
		"github.com/aws/smithy-go":                   aws,
		"github.com/awslabs/aws-lambda-go-api-proxy": {"shared/transport/web"},
		"github.com/guregu/dynamo":                   {"shared/adapter/dynamo"},
		"github.com/sashabaranov/go-openai":          {"shared/adapter/openai", "shared/dev/fakeopenai"},
		"github.com/openai/openai-go":                {"shared/dev/fakeopenai"},
		"github.com/twilio/twilio-go":                {"shared/adapter/twilio", "shared/dev/faketwilio"},
		"github.com/wneessen/go-mail":                {"shared/adapter/ses"},
		"github.com/modelcontextprotocol/go-sdk":     {"shared/core/tools"},
		"github.com/johannesboyne/gofakes3":          {"shared/dev/fakes3"},
		"github.com/getkin/kin-openapi":              {"shared/dev/openapi", "shared/dev/emulator"},
	}
	for _, s := range allSources(t) {
		if s.isTest() {
			continue
		}
		for _, imported := range s.imports {
			for vendor, allowed := range homes {
				mayImport := func(home string) bool { return strings.HasPrefix(s.folder()+"/", home) }
				if (imported == vendor || strings.HasPrefix(imported, vendor+"/")) && !slices.ContainsFunc(allowed, mayImport) {
					t.Errorf("%s imports %s, which only %v may", s.path, imported, allowed)
				}
			}
		}
	}
}

// Every package has one package comment, and it says what the package holds.
func TestPackageComments(t *testing.T) {
	t.Parallel()
	comments := map[string][]string{}
	for _, s := range allSources(t) {
		if s.isTest() {
			continue
		}
		if _, ok := comments[s.folder()]; !ok {
			comments[s.folder()] = nil
		}
		if s.file.Doc != nil {
			comments[s.folder()] = append(comments[s.folder()], s.file.Name.Name+"\n"+s.file.Doc.Text())
		}
	}
	for folder, found := range comments {
		if len(found) != 1 {
			t.Errorf("%s has %d package comments, not one", folder, len(found))
			continue
		}
		name, text, _ := strings.Cut(found[0], "\n")
		opening, _, _ := strings.Cut(strings.ReplaceAll(text, "\n", " "), ". ")
		if name != "main" && !strings.HasPrefix(opening, "Package "+name+" ") {
			t.Errorf("%s: the package comment begins %q, not \"Package %s …\"", folder, opening, name)
		}
		if len(strings.Fields(opening)) < 4 {
			t.Errorf("%s: %q says no more than the name", folder, opening)
		}
		for _, empty := range []string{"related", "functionality", "utilities", "helper functions", "various"} {
			if strings.Contains(opening, empty) {
				t.Errorf("%s: %q says nothing (%q)", folder, opening, empty)
			}
		}
	}
}

// The longest a file may be, and the longest a function: past that it hides something.
const (
	fileLines     = 400
	functionLines = 60
)

func TestSizes(t *testing.T) {
	t.Parallel()
	for _, s := range allSources(t) {
		if s.isTest() {
			continue
		}
		if s.lines > fileLines {
			t.Errorf("%s has %d lines; %d is the most", s.path, s.lines, fileLines)
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := positions.Position(f.End()).Line - positions.Position(f.Pos()).Line + 1; n > functionLines {
				t.Errorf("%s: %s has %d lines; %d is the most", position(f), f.Name.Name, n, functionLines)
			}
		}
	}
}
