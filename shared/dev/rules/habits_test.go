package rules_test

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// TestFault32GoroutinesRecover checks that deployed code starts goroutines with package safego alone, which recovers in
// each. A panic that nothing recovers ends the whole process, in Lambda after an answer that looks finished. On a
// development machine somebody sees such a panic at once, so shared/dev may start goroutines as it likes.
func TestFault32GoroutinesRecover(t *testing.T) {
	t.Parallel()
	for _, s := range allSources(t) {
		if s.isTest() || layerOf(s.folder()) == "shared/dev" || s.folder() == "shared/core/safego" {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s: a go statement; use safego.Go", position(n))
			case *ast.CallExpr:
				switch of, name := calledName(n); {
				case name == "Go" && of != "safego":
					t.Errorf("%s: %s.Go starts a goroutine without a recover; use safego.Go or safego.Each", position(n), of)
				case name == "AfterFunc" && (of == "time" || of == "context") && !callsOnlySafe(n.Args[len(n.Args)-1]):
					t.Errorf("%s: %s.AfterFunc runs a function that may panic in a goroutine of its own; call it through safego.Call", position(n), of)
				}
			}
			return true
		})
	}
}

// callsOnlySafe reports whether a function literal calls nothing but functions that are too small to panic.
func callsOnlySafe(f ast.Expr) bool {
	literal, ok := f.(*ast.FuncLit)
	if !ok {
		return false
	}
	safe := true
	ast.Inspect(literal.Body, func(n ast.Node) bool {
		if c, ok := n.(*ast.CallExpr); ok {
			_, name := calledName(c)
			safe = safe && slices.Contains([]string{"cancel", "close", "Close", "CloseWithError", "Stop"}, name)
		}
		return safe
	})
	return safe
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
