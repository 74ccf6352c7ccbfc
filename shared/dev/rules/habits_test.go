package rules_test

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// A panic in a goroutine of its own ends the process, in Lambda after an answer that looks finished (fault row 32). So
// whatever starts one recovers in it: by hand, or by lambdaapp.Go.
func TestFault32GoroutinesRecover(t *testing.T) {
	t.Parallel()
	all := allSources(t)
	for _, s := range all {
		if s.isTest() {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				if !recovers(all, s, n.Call.Fun) {
					t.Errorf("%s: a goroutine without a recover", position(n))
				}
			case *ast.CallExpr:
				of, name := calledName(n)
				// On the machine of a developer such a panic is seen at once.
				spawns := layerOf(s.folder()) != "shared/dev" && (name == "Go" && of != "lambdaapp" || name == "AfterFunc" && (of == "time" || of == "context"))
				if !spawns || len(n.Args) == 0 || of == "" {
					return true
				}
				if f := n.Args[len(n.Args)-1]; !recovers(all, s, f) {
					t.Errorf("%s: %s.%s starts a goroutine without a recover", position(n), of, name)
				}
			}
			return true
		})
	}
}

// recovers tells whether a function, written here or declared in the same package, begins with a deferred recover, or
// only calls ones that do and ones that are too small to panic.
func recovers(all []source, s source, f ast.Expr) bool {
	literal, ok := f.(*ast.FuncLit)
	if !ok {
		return recoversNamed(all, s, f)
	}
	if defersRecover(all, s, literal.Body) {
		return true
	}
	safe := true
	ast.Inspect(literal.Body, func(n ast.Node) bool {
		if c, ok := n.(*ast.CallExpr); ok {
			if _, inline := c.Fun.(*ast.FuncLit); !inline {
				safe = safe && recoversNamed(all, s, c.Fun)
			}
		}
		return safe
	})
	return safe
}

func recoversNamed(all []source, s source, f ast.Expr) bool {
	_, name := calledName(&ast.CallExpr{Fun: f})
	if slices.Contains([]string{"cancel", "close", "Close", "CloseWithError", "Stop", "Done"}, name) {
		return true
	}
	found := declarations(all, s, name)
	for _, d := range found {
		if !defersRecover(all, s, d.Body) {
			return false
		}
	}
	return len(found) > 0
}

func declarations(all []source, s source, name string) []*ast.FuncDecl {
	var found []*ast.FuncDecl
	for _, other := range all {
		if other.folder() != s.folder() || other.isTest() != s.isTest() {
			continue
		}
		for _, d := range other.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == name && f.Body != nil {
				found = append(found, f)
			}
		}
	}
	return found
}

// defersRecover looks at the deferred calls of a body itself, not of functions inside it, where recover would catch
// nothing of this one's.
func defersRecover(all []source, s source, body *ast.BlockStmt) bool {
	for _, statement := range body.List {
		d, ok := statement.(*ast.DeferStmt)
		if !ok {
			continue
		}
		if f, ok := d.Call.Fun.(*ast.FuncLit); ok && callsRecover(f.Body) {
			return true
		}
		_, name := calledName(d.Call)
		for _, f := range declarations(all, s, name) {
			if callsRecover(f.Body) {
				return true
			}
		}
	}
	return false
}

func callsRecover(body *ast.BlockStmt) bool {
	found := false
	ast.Inspect(body, func(n ast.Node) bool {
		if c, ok := n.(*ast.CallExpr); ok {
			of, name := calledName(c)
			found = found || of == "" && name == "recover"
		}
		return !found
	})
	return found
}

// A test that sleeps is slow or wrong: testing/synctest has a clock, channels have an end.
func TestTestsDoNotSleep(t *testing.T) {
	t.Parallel()
	for _, s := range allSources(t) {
		if !s.isTest() || s.hasImport("testing/synctest") {
			continue // in a bubble, Sleep is the clock
		}
		eachCall(s, func(c *ast.CallExpr) {
			if of, name := calledName(c); of == "time" && name == "Sleep" {
				t.Errorf("%s: time.Sleep in a test", position(c))
			}
		})
	}
}

// What decides is handed its time and its chance, so that a test can say what they are: domain, engines, use cases.
// Adapters and the edge keep limits and measure, by the clock on the wall.
func TestTimeAndRandomnessAreInjected(t *testing.T) {
	t.Parallel()
	deciding := []string{"shared/core", "shared/usecase"}
	for _, s := range allSources(t) {
		if s.isTest() || !slices.Contains(deciding, layerOf(s.folder())) {
			continue
		}
		for _, imported := range s.imports {
			if strings.HasPrefix(imported, "math/rand") || imported == "crypto/rand" {
				t.Errorf("%s imports %s: chance is handed in", s.path, imported)
			}
		}
		eachCall(s, func(c *ast.CallExpr) {
			of, name := calledName(c)
			if of == "time" && slices.Contains([]string{"Now", "Since", "Until"}, name) {
				t.Errorf("%s: time.%s: the clock is handed in", position(c), name)
			}
		})
	}
}

// A skipped test says why: t.Skip with a sentence, never t.SkipNow.
func TestSkipsSayWhy(t *testing.T) {
	t.Parallel()
	for _, s := range allSources(t) {
		if !s.isTest() {
			continue
		}
		eachCall(s, func(c *ast.CallExpr) {
			if _, name := calledName(c); name == "SkipNow" || name == "Skip" && len(c.Args) == 0 {
				t.Errorf("%s: a test skipped in silence", position(c))
			}
		})
	}
}

// Names that say nothing.
func TestNames(t *testing.T) {
	t.Parallel()
	for _, s := range allSources(t) {
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeSpec:
				for _, empty := range []string{"Manager", "Helper", "Util", "Utils", "Impl"} {
					if strings.HasSuffix(n.Name.Name, empty) && !strings.HasSuffix(n.Name.Name, "SecretsManager") {
						t.Errorf("%s: %s says nothing about what it is", position(n), n.Name.Name)
					}
				}
			case *ast.FuncDecl:
				if rest, ok := strings.CutPrefix(n.Name.Name, "Get"); ok && rest != "" && strings.ToUpper(rest[:1]) == rest[:1] && !implementsLibrary(n) {
					t.Errorf("%s: %s: a Go getter has no Get", position(n), n.Name.Name)
				}
			}
			return true
		})
	}
}

// implementsLibrary tells whether a method is of an interface that a library asks for.
func implementsLibrary(f *ast.FuncDecl) bool {
	return f.Recv != nil && slices.Contains([]string{"GetObject", "GetItem", "GetSecretValue", "GetQueueAttributes", "GetQueueUrl", "GetBucketLocation"}, f.Name.Name)
}

func eachCall(s source, f func(*ast.CallExpr)) {
	ast.Inspect(s.file, func(n ast.Node) bool {
		if c, ok := n.(*ast.CallExpr); ok {
			f(c)
		}
		return true
	})
}
