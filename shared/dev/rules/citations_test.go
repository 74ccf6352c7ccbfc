package rules_test

import (
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// How code and tests cite a row of faults.md: "fault 38", "fault rows 33 and 34", "faults.md row 38", TestFault33To35;
// and a threat of security.md: "security A6", "security.md A6", TestSecurityE6.
var (
	faultCited    = regexp.MustCompile(`(?i)\bfaults?(?:\.md)?(?:,? rows?)? (\d+(?:(?:, | and | to |-)\d+)*)`)
	faultInName   = regexp.MustCompile(`^(?:Test|Fuzz)\w*?Fault(\d+)((?:And|To)\d+)*`)
	threatCited   = regexp.MustCompile(`(?i)\b(?:security(?:\.md)?|threats?),? (?:threat )?([A-Z]\d+)\b`)
	threatInName  = regexp.MustCompile(`^(?:Test|Fuzz)\w*?Security([A-Z]\d+)`)
	number        = regexp.MustCompile(`\d+`)
	documentedRow = regexp.MustCompile(`^[A-Z]?\d+$`)
)

// citation is a place in the code that names a row of a document.
type citation struct {
	row    string
	folder string
	test   bool
	where  string
}

// citations returns every citation in comments, string literals and test names.
func citations(t *testing.T) []citation {
	t.Helper()
	var all []citation
	for _, s := range allSources(t) {
		cite := func(where string, rows ...string) {
			for _, row := range rows {
				all = append(all, citation{row, s.folder(), s.isTest(), where})
			}
		}
		text := func(where, text string) {
			for _, found := range faultCited.FindAllStringSubmatch(text, -1) {
				cite(where, expand(found[1])...)
			}
			for _, found := range threatCited.FindAllStringSubmatch(text, -1) {
				cite(where, found[1])
			}
		}
		for _, group := range s.file.Comments {
			text(position(group), strings.Join(strings.Fields(group.Text()), " "))
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				if n.Kind == token.STRING {
					text(position(n), n.Value)
				}
			case *ast.FuncDecl:
				if found := faultInName.FindString(n.Name.Name); found != "" {
					_, rows, _ := strings.Cut(found, "Fault")
					cite(position(n), expand(strings.NewReplacer("And", " and ", "To", " to ").Replace(rows))...)
				}
				if found := threatInName.FindStringSubmatch(n.Name.Name); found != nil {
					cite(position(n), found[1])
				}
			}
			return true
		})
	}
	return all
}

// expand reads "33", "30 and 31" and "33 to 35".
func expand(text string) (rows []string) {
	numbers := number.FindAllString(text, -1)
	first, _ := strconv.Atoi(numbers[0])
	last, _ := strconv.Atoi(numbers[len(numbers)-1])
	if strings.Contains(text, " to ") || strings.Contains(text, "-") {
		for n := first; n <= last; n++ {
			rows = append(rows, strconv.Itoa(n))
		}
		return rows
	}
	for _, n := range numbers {
		value, _ := strconv.Atoi(n) // "04" is row 4
		rows = append(rows, strconv.Itoa(value))
	}
	return rows
}

// TestCitedRowsExist checks that every fault and every threat that code cites is a row of its document.
func TestCitedRowsExist(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, name := range []string{"faults.md", "security.md"} {
		for _, row := range cells(document(t, name).text) {
			if documentedRow.MatchString(row[0]) {
				known[row[0]] = true
			}
		}
	}
	cited := citations(t)
	for _, c := range cited {
		if !known[c.row] {
			t.Errorf("%s cites %s, which neither faults.md nor security.md has", c.where, c.row)
		}
	}
	if len(cited) < 50 {
		t.Errorf("only %d citations were found", len(cited))
	}
}

var testName = regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9_]+)`")

// TestDocumentedTestsExist checks the last column of the tables of faults.md and security.md. A package stands there
// with the tests that hold the row, or alone; then one of its tests cites the row.
func TestDocumentedTestsExist(t *testing.T) {
	t.Parallel()
	functions := map[string][]string{} // folder → test functions
	for _, s := range allSources(t) {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && s.isTest() && f.Recv == nil {
				functions[s.folder()] = append(functions[s.folder()], f.Name.Name)
			}
		}
	}
	cited := map[string]bool{} // folder and row
	for _, c := range citations(t) {
		if c.test {
			cited[c.folder+" "+c.row] = true
		}
	}
	for _, name := range []string{"faults.md", "security.md"} {
		for _, row := range cells(document(t, name).text) {
			if !documentedRow.MatchString(row[0]) {
				continue
			}
			for _, entry := range strings.Split(row[len(row)-1], ",") {
				spans := quoted(entry)
				if len(spans) == 0 {
					continue
				}
				folder := spans[0]
				if _, err := os.Stat(filepath.Join(root, folder)); err != nil {
					t.Errorf("%s, row %s: there is no folder %s", name, row[0], folder)
				}
				tests := spans[1:]
				for _, test := range tests {
					if !slices.Contains(functions[folder], test) {
						t.Errorf("%s, row %s: %s has no test %s", name, row[0], folder, test)
					}
				}
				if len(tests) == 0 && !cited[folder+" "+row[0]] {
					t.Errorf("%s, row %s: no test of %s cites the row", name, row[0], folder)
				}
			}
		}
	}
	for _, row := range cells(document(t, "architecture.md").section(t, "Rules")) {
		for _, found := range testName.FindAllStringSubmatch(strings.Join(row, " "), -1) {
			if !slices.Contains(functions["shared/dev/rules"], found[1]) {
				t.Errorf("architecture.md names the rule %s, which shared/dev/rules does not have", found[1])
			}
		}
	}
}
