package shared

import (
	"go/ast"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// floors, from the ground up. A package imports only floors below its own, and on its own floor only what stands left
// of it in one of the orders below. A new package is written here first.
var floors = [][]string{
	{"fault", "golden"},
	{"aurora"},
	{"swarm", "access", "tools"},
	{"chat", "webhook", "report", "outbound", "summary", // use cases
		"dynamo", "bucket", "queue", "openai", "twilio", "secret", "mail"}, // adapters
	{"boot", "web", "completions", "assemble", "dialing"},
	{"functions"},
	{"openapi", "standin", "local", "operate", "clients"},
}

// orders inside a floor: each may import those before it.
var orders = [][]string{
	{"swarm", "tools"},
	{"boot", "web", "completions", "assemble", "dialing"},
	{"openapi", "standin", "local", "operate"},
}

// Any test may import these: what it compares with and what stands in for the world.
var forTests = []string{"golden", "openapi", "standin"}

// The top floor stays on developers' machines; a function that imported it would carry it into the cloud.
func TestFloors(t *testing.T) {
	t.Parallel()
	floor := map[string]int{}
	for i, names := range floors {
		for _, name := range names {
			floor[name] = i
		}
	}
	for _, s := range everySource(t) {
		from := s.place()
		if s.folder() == "shared" {
			continue // the map and these tests
		}
		if _, ok := floor[from]; !ok {
			t.Errorf("%s: package %s stands on no floor; give it one in this test and in shared/doc.go", s.path, from)
			continue
		}
		for _, imported := range s.imports {
			rest, ours := strings.CutPrefix(imported, module)
			if !ours {
				continue
			}
			to := place(rest)
			if from == to && from != "functions" || s.isTest() && slices.Contains(forTests, to) {
				continue
			}
			if from == "functions" && s.isTest() && to == "local" {
				continue
			}
			if floor[to] < floor[from] || before(to, from) {
				continue
			}
			t.Errorf("%s (floor %d) imports %s (floor %d): a package looks down only", s.path, floor[from], imported, floor[to])
		}
	}
}

func before(a, b string) bool {
	for _, order := range orders {
		if i, j := slices.Index(order, a), slices.Index(order, b); i >= 0 && j >= 0 && i < j {
			return true
		}
	}
	return false
}

// The map names every package, and no package that is not there.
func TestMap(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	var drawn []string
	for line := range strings.Lines(string(text)) {
		line, indented := strings.CutPrefix(line, "//\t")
		if !indented {
			continue
		}
		name := strings.Fields(strings.TrimSpace(line[11:]))[0]
		drawn = append(drawn, name)
	}
	var there []string
	for _, name := range folders(t, "shared") {
		if files, _ := filepath.Glob(filepath.Join(name, "*.go")); len(files) > 0 {
			there = append(there, name)
		}
	}
	slices.Sort(drawn)
	if !slices.Equal(drawn, there) {
		t.Errorf("shared/doc.go draws %v\nand shared/ holds   %v", drawn, there)
	}
	if len(there) > 28 {
		t.Errorf("%d packages: fold one that is small into the one that imports it", len(there))
	}
}

// Where a vendor's library may be imported, tests excepted.
func TestVendors(t *testing.T) {
	t.Parallel()
	adapters := []string{"dynamo", "bucket", "queue", "openai", "twilio", "secret", "mail"}
	homes := map[string][]string{
		"github.com/aws/aws-lambda-go":               {"web", "access", "queue", "boot", "local", "functions"},
		"github.com/aws/aws-sdk-go-v2":               append([]string{"boot", "local", "operate"}, adapters...),
		"github.com/aws/smithy-go":                   append([]string{"boot", "local", "operate"}, adapters...),
		"github.com/awslabs/aws-lambda-go-api-proxy": {"web"},
		"github.com/guregu/dynamo":                   {"dynamo"},
		"github.com/sashabaranov/go-openai":          {"openai", "standin"},
		"github.com/openai/openai-go":                {"standin"},
		"github.com/twilio/twilio-go":                {"twilio", "standin"},
		"github.com/wneessen/go-mail":                {"mail"},
		"github.com/modelcontextprotocol/go-sdk":     {"tools"},
		"github.com/johannesboyne/gofakes3":          {"standin"},
		"github.com/getkin/kin-openapi":              {"openapi", "local"},
	}
	for _, s := range everySource(t) {
		if s.isTest() {
			continue
		}
		for _, imported := range s.imports {
			for vendor, allowed := range homes {
				if (imported == vendor || strings.HasPrefix(imported, vendor+"/")) && !slices.Contains(allowed, s.place()) {
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
	for _, s := range everySource(t) {
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
	for _, s := range everySource(t) {
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
				t.Errorf("%s: %s has %d lines; %d is the most", at(f), f.Name.Name, n, functionLines)
			}
		}
	}
}
