package rules_test

import (
	"go/ast"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"example.com/aurora/shared/dev/eventcase"
	"example.com/aurora/shared/transport/lambdaapp"
)

// TestCensus checks that template.yaml, functions/ and events/ name the same functions, and that each function has cases and
// five to ten whole events. Variants are cases, not events.
func TestCensus(t *testing.T) {
	t.Parallel()
	var deployed []string
	for id, f := range sourceTemplate(t).ofType("AWS::Serverless::Function") {
		name := strings.Trim(strings.TrimPrefix(f.text("CodeUri"), "functions/"), "/")
		deployed = append(deployed, name)
		if want := pascal(name) + "Function"; id != want {
			t.Errorf("template.yaml: the function of functions/%s is %s, not %s", name, id, want)
		}
	}
	slices.Sort(deployed)
	if len(deployed) == 0 {
		t.Fatal("template.yaml has no function")
	}
	for _, place := range []string{"functions", "events"} {
		if there := folders(t, place); !slices.Equal(there, deployed) {
			t.Errorf("the folders of %s/ are %v\nthe functions of template.yaml are %v", place, there, deployed)
		}
	}
	for _, name := range deployed {
		files, err := filepath.Glob(filepath.Join(root, "events", name, "*.json"))
		if err != nil {
			t.Fatal(err)
		}
		if len(files) < 5 || len(files) > 10 {
			t.Errorf("events/%s has %d events, want 5 to 10", name, len(files))
		}
		if cases, err := eventcase.Load(root, name); err != nil {
			t.Error(err)
		} else if len(cases) == 0 {
			t.Errorf("%s has no cases", eventcase.Path(root, name))
		}
	}
}

// A package with golden files fails when no test uses one of them: its TestMain calls golden.Main, itself or through
// testkit.Main. The golden file of this package is read by a test itself.
func TestGoldenFilesAreChecked(t *testing.T) {
	t.Parallel()
	checked := map[string]bool{"shared/dev/rules": true}
	for _, s := range allSources(t) {
		eachCall(s, func(c *ast.CallExpr) {
			if of, name := calledName(c); (of == "golden" || of == "testkit") && name == "Main" {
				checked[s.folder()] = true
			}
		})
	}
	for _, top := range []string{"functions", "shared"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(name string, d fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(name, ".golden") {
				return err
			}
			folder, err := filepath.Rel(root, name)
			if err != nil {
				return err
			}
			folder, _, _ = strings.Cut(filepath.ToSlash(folder), "/testdata/")
			if !checked[folder] {
				t.Errorf("%s has golden files, and no TestMain that calls golden.Main", folder)
				checked[folder] = true
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func pascal(name string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(name, "-") {
		if part != "" {
			b.WriteString(strings.ToUpper(part[:1]) + part[1:])
		}
	}
	return b.String()
}

// TestEnvironment checks that the template sets exactly the variables that each function reads. Variables for
// development machines are never in the template; variables that AWS and Go read themselves are not checked.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	sets := settingsByFunction(t)
	asked := map[string][]string{}
	for _, s := range allSources(t) {
		if s.isTest() || layerOf(s.folder()) != "functions" {
			continue
		}
		name := filepath.Base(s.folder())
		eachCall(s, func(c *ast.CallExpr) {
			of, method := calledName(c)
			if assembled, ok := sets[of+"."+method]; ok {
				asked[name] = append(asked[name], assembled...)
			} else if variable := settingRead(t, c); variable != "" {
				asked[name] = append(asked[name], variable)
			}
		})
	}
	template := sourceTemplate(t)
	var everywhere []string
	for variable := range template.at("Globals", "Function", "Environment", "Variables") {
		if !isLocalOnly(variable) { // GOMEMLIMIT is Go's own
			everywhere = append(everywhere, variable)
		}
	}
	slices.Sort(everywhere)
	if want := slices.Sorted(slices.Values(lambdaapp.GlobalVariables)); !slices.Equal(everywhere, want) {
		t.Errorf("template.yaml gives every function %v, and boot reads %v", everywhere, want)
	}
	for id, f := range template.ofType("AWS::Serverless::Function") {
		name := strings.Trim(strings.TrimPrefix(f.text("CodeUri"), "functions/"), "/")
		given := map[string]bool{}
		for variable := range f.at("Environment", "Variables") {
			given[variable] = true
			if variable == "GOMEMLIMIT" || variable == "GOGC" { // Go's own
				continue
			}
			if isLocalOnly(variable) {
				t.Errorf("template.yaml: %s sets %s, which is for development machines only", id, variable)
			}
			if !slices.Contains(asked[name], variable) {
				t.Errorf("template.yaml gives %s to %s, which does not ask for it", variable, id)
			}
		}
		for _, variable := range asked[name] {
			if !given[variable] && !slices.Contains(lambdaapp.GlobalVariables, variable) {
				t.Errorf("functions/%s asks for %s, which template.yaml does not give", name, variable)
			}
		}
	}
}

// isWiring reports whether a file is of a package that builds what several functions use, and reads its settings.
func isWiring(s source) bool {
	return layerOf(s.folder()) == "shared/transport" && strings.HasSuffix(s.folder(), "wiring")
}

// settingsByFunction returns the variables that each function of the wiring packages reads, directly or through another
// of them, by package and function name.
func settingsByFunction(t *testing.T) map[string][]string {
	t.Helper()
	sets, calls := map[string][]string{}, map[string][]string{}
	for _, s := range allSources(t) {
		if s.isTest() || !isWiring(s) {
			continue
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			name := s.file.Name.Name + "." + f.Name.Name
			ast.Inspect(f, func(n ast.Node) bool {
				if c, ok := n.(*ast.CallExpr); ok {
					if variable := settingRead(t, c); variable != "" {
						sets[name] = append(sets[name], variable)
					}
					of, other := calledName(c)
					if of == "" {
						of = s.file.Name.Name
					}
					calls[name] = append(calls[name], of+"."+other)
				}
				return true
			})
		}
	}
	all := map[string][]string{}
	for name := range calls {
		all[name] = collectSettings(name, sets, calls, map[string]bool{})
	}
	for name, own := range sets {
		if all[name] == nil {
			all[name] = own
		}
	}
	return all
}

// collectSettings returns the variables that a function and the functions it calls read.
func collectSettings(name string, sets, calls map[string][]string, seen map[string]bool) []string {
	if seen[name] {
		return nil
	}
	seen[name] = true
	all := slices.Clone(sets[name])
	for _, other := range calls[name] {
		all = append(all, collectSettings(other, sets, calls, seen)...)
	}
	return all
}

// settingRead returns the variable that a call reads, or "" for another call and for variables of development machines.
func settingRead(t *testing.T, c *ast.CallExpr) string {
	t.Helper()
	of, method := calledName(c)
	if of == "time" || !slices.Contains([]string{"Required", "Optional", "PositiveInt", "Duration", "Getenv", "LookupEnv"}, method) || len(c.Args) == 0 {
		return ""
	}
	literal, ok := c.Args[0].(*ast.BasicLit)
	if !ok {
		t.Errorf("%s: the name of a setting must be a literal, so that this test can read it", position(c))
		return ""
	}
	variable, err := strconv.Unquote(literal.Value)
	if err != nil {
		t.Fatal(err)
	}
	if isLocalOnly(variable) {
		return ""
	}
	return variable
}

func isLocalOnly(variable string) bool {
	return lambdaapp.IsLocalOnly(variable) || strings.HasPrefix(variable, "AWS_") || strings.HasPrefix(variable, "GO")
}

// TestModules compares the direct dependencies with testdata/modules.golden. To add one, add it there and give the
// reason in the doc.go of the package that imports it.
func TestModules(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile(filepath.Join("testdata", "modules.golden"))
	if err != nil {
		t.Fatal(err)
	}
	var direct []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "require "))
		name, version, ok := strings.Cut(line, " v")
		if ok && !strings.Contains(version, "// indirect") && strings.Contains(name, "/") {
			direct = append(direct, name)
		}
		if strings.HasPrefix(line, "replace ") {
			t.Errorf("go.mod: %s", line)
		}
	}
	slices.Sort(direct)
	want := strings.Fields(string(kept))
	for _, name := range direct {
		if !slices.Contains(want, name) {
			t.Errorf("go.mod requires %s, which testdata/modules.golden does not list: add it there, with the reason in the importing package's doc.go", name)
		}
	}
	for _, name := range want {
		if !slices.Contains(direct, name) {
			t.Errorf("testdata/modules.golden names %s, which go.mod does not require directly (go mod tidy?)", name)
		}
	}
}
