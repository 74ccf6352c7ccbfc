package rules_test

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// TestFault32GoroutinesRecover checks that deployed code starts goroutines with package safego alone, which recovers in
// each. A panic that nothing recovers ends the whole process, in Lambda after an answer that looks finished. On a
// development machine such a panic is seen at once, so shared/dev may use go statements.
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

// TestTestsDoNotSleep checks that tests do not call time.Sleep outside a synctest bubble: such a test is slow or flaky.
func TestTestsDoNotSleep(t *testing.T) {
	t.Parallel()
	for _, s := range allSources(t) {
		if !s.isTest() || s.hasImport("testing/synctest") {
			continue // in a bubble, Sleep advances the fake clock
		}
		eachCall(s, func(c *ast.CallExpr) {
			if of, name := calledName(c); of == "time" && name == "Sleep" {
				t.Errorf("%s: time.Sleep in a test", position(c))
			}
		})
	}
}

// TestTimeAndRandomnessAreInjected checks that core and use cases get the clock and random numbers from their callers,
// so that tests control them. Adapters and transport measure and limit with the real clock.
func TestTimeAndRandomnessAreInjected(t *testing.T) {
	t.Parallel()
	deciding := []string{"shared/core", "shared/usecase"}
	for _, s := range allSources(t) {
		if s.isTest() || !slices.Contains(deciding, layerOf(s.folder())) {
			continue
		}
		for _, imported := range s.imports {
			if strings.HasPrefix(imported, "math/rand") || imported == "crypto/rand" {
				t.Errorf("%s imports %s: inject randomness", s.path, imported)
			}
		}
		eachCall(s, func(c *ast.CallExpr) {
			of, name := calledName(c)
			if of == "time" && slices.Contains([]string{"Now", "Since", "Until"}, name) {
				t.Errorf("%s: time.%s: inject the clock", position(c), name)
			}
		})
	}
}

// TestSkipsSayWhy checks that t.Skip has a sentence and that t.SkipNow is not used.
func TestSkipsSayWhy(t *testing.T) {
	t.Parallel()
	for _, s := range allSources(t) {
		if !s.isTest() {
			continue
		}
		eachCall(s, func(c *ast.CallExpr) {
			if _, name := calledName(c); name == "SkipNow" || name == "Skip" && len(c.Args) == 0 {
				t.Errorf("%s: t.Skip needs a reason", position(c))
			}
		})
	}
}

// TestNames rejects names without a meaning, such as FooManager, and getters with Get.
func TestNames(t *testing.T) {
	t.Parallel()
	for _, s := range allSources(t) {
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeSpec:
				for _, empty := range []string{"Manager", "Helper", "Util", "Utils", "Impl"} {
					if strings.HasSuffix(n.Name.Name, empty) && !strings.HasSuffix(n.Name.Name, "SecretsManager") {
						t.Errorf("%s: %s does not say what it is", position(n), n.Name.Name)
					}
				}
			case *ast.FuncDecl:
				if rest, ok := strings.CutPrefix(n.Name.Name, "Get"); ok && rest != "" && strings.ToUpper(rest[:1]) == rest[:1] && !implementsLibrary(n) {
					t.Errorf("%s: %s: Go getters have no Get prefix", position(n), n.Name.Name)
				}
			}
			return true
		})
	}
}

// implementsLibrary reports whether a method's name is given by an interface of a library.
func implementsLibrary(f *ast.FuncDecl) bool {
	return f.Recv != nil && slices.Contains([]string{"GetObject", "GetObjectVersion", "GetItem", "GetSecretValue", "GetQueueAttributes", "GetQueueUrl", "GetBucketLocation"}, f.Name.Name)
}

func eachCall(s source, f func(*ast.CallExpr)) {
	ast.Inspect(s.file, func(n ast.Node) bool {
		if c, ok := n.(*ast.CallExpr); ok {
			f(c)
		}
		return true
	})
}
