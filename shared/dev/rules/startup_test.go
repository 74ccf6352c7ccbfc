package rules_test

import (
	"go/ast"
	"go/token"
	"strings"
	"testing"
)

// Every function pays at start for a pattern that a package compiles in a variable, whether it uses the pattern or not.
// Deployed code compiles patterns on first use, with sync.OnceValue.
func TestPatternsAreCompiledOnFirstUse(t *testing.T) {
	t.Parallel()
	for _, s := range allSources(t) {
		if s.isTest() || layerOf(s.folder()) == "shared/dev" {
			continue
		}
		for _, d := range s.file.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			ast.Inspect(g, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.FuncLit:
					return false // runs later
				case *ast.CallExpr:
					if of, name := calledName(n); of == "regexp" && strings.HasPrefix(name, "MustCompile") {
						t.Errorf("%s: a pattern is compiled at start; use sync.OnceValue", position(n))
					}
				}
				return true
			})
		}
	}
}
