package rules_test

import (
	"go/ast"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// page is one Markdown file of the repository.
type page struct {
	path string // from the root, with slashes: shared/docs/api.md
	text string
}

// prose returns the page without its fenced blocks.
func (p page) prose() string { return fences.ReplaceAllString(p.text, "") }

var (
	fences     = regexp.MustCompile("(?ms)^```.*?^```$")
	codeSpan   = regexp.MustCompile("`[^`\n]+`")
	headings   = regexp.MustCompile(`(?m)^(#{1,6}) +(.+?) *$`)
	links      = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	repository = regexp.MustCompile(`(?:\./)?\b(?:shared|functions|events|\.github|\.ci)/[A-Za-z0-9_./<>{}*…-]*`)
	makeTarget = regexp.MustCompile(`\bmake ([a-z][a-z-]*)\b`)
)

// pages returns every Markdown file of the repository.
func pages(t *testing.T) []page {
	t.Helper()
	var all []page
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && slices.Contains([]string{".git", ".aurora", ".aws-sam", "node_modules", "testdata"}, d.Name()) {
			return filepath.SkipDir
		}
		if d.IsDir() || filepath.Ext(name) != ".md" {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		short, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		all = append(all, page{filepath.ToSlash(short), string(text)})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// document returns one page of shared/docs.
func document(t *testing.T, name string) page {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "shared", "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return page{"shared/docs/" + name, string(text)}
}

// documents returns the pages that are written for people: the others are prompts.
func documents(t *testing.T) []page {
	t.Helper()
	return slices.DeleteFunc(pages(t), func(p page) bool {
		return p.path != "README.md" && !strings.HasPrefix(p.path, "shared/docs/") && !strings.HasPrefix(p.path, ".github/")
	})
}

// cells returns the first cells of the rows of all tables in a text, and the text of the whole row.
func cells(text string) (rows [][]string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| ---") {
			continue
		}
		var row []string
		for _, cell := range strings.Split(strings.ReplaceAll(strings.Trim(line, "|"), `\|`, "\x00"), "|") {
			row = append(row, strings.TrimSpace(strings.ReplaceAll(cell, "\x00", "|")))
		}
		rows = append(rows, row)
	}
	return rows
}

// section returns the part of a page under a heading, up to the next heading of the same or a higher level.
func (p page) section(t *testing.T, heading string) string {
	t.Helper()
	found := headings.FindAllStringSubmatchIndex(p.text, -1)
	for i, at := range found {
		if p.text[at[4]:at[5]] != heading {
			continue
		}
		for _, next := range found[i+1:] {
			if next[3]-next[2] <= at[3]-at[2] {
				return p.text[at[1]:next[0]]
			}
		}
		return p.text[at[1]:]
	}
	t.Fatalf("%s has no section %q", p.path, heading)
	return ""
}

// quoted returns what stands in code spans.
func quoted(text string) []string {
	var all []string
	for _, span := range codeSpan.FindAllString(text, -1) {
		all = append(all, strings.Trim(span, "`"))
	}
	return all
}

func TestReadmeIsOnePage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(text), "\n"); lines > 200 {
		t.Errorf("README.md has %d lines; 200 are allowed: the rest belongs to shared/docs", lines)
	}
	for _, p := range documents(t) {
		if strings.HasPrefix(p.path, "shared/docs/") && !strings.Contains(string(text), "("+p.path) {
			t.Errorf("README.md does not link to %s", p.path)
		}
	}
}

// TestDocumentLinks checks every relative link and every anchor.
func TestDocumentLinks(t *testing.T) {
	t.Parallel()
	anchors := map[string][]string{}
	all := pages(t)
	for _, p := range all {
		for _, heading := range headings.FindAllStringSubmatch(p.prose(), -1) {
			anchors[p.path] = append(anchors[p.path], anchor(heading[2]))
		}
	}
	checked := 0
	for _, p := range all {
		for _, link := range links.FindAllStringSubmatch(codeSpan.ReplaceAllString(p.prose(), "code"), -1) {
			target, fragment, _ := strings.Cut(link[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			checked++
			file := p.path
			if target != "" {
				file = path.Join(path.Dir(p.path), target)
			}
			if _, err := os.Stat(filepath.Join(root, file)); err != nil {
				t.Errorf("%s links to %s, which does not exist", p.path, link[1])
			} else if fragment != "" && !slices.Contains(anchors[file], fragment) {
				t.Errorf("%s links to %s, and %s has no such heading", p.path, link[1], file)
			}
		}
	}
	if checked < 50 {
		t.Errorf("only %d relative links were found", checked)
	}
}

// anchor returns the name by which GitHub links to a heading.
func anchor(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, heading)
}

// TestDocumentsNameWhatExists checks paths of the repository and make targets that documents name.
func TestDocumentsNameWhatExists(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range documents(t) {
		for _, name := range repository.FindAllString(links.ReplaceAllString(p.text, "]"), -1) {
			name = strings.TrimRight(strings.TrimPrefix(name, "./"), ".")
			if strings.ContainsAny(name, "<>{}*…") || strings.HasSuffix(name, "...") {
				continue // a pattern
			}
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(name))); err != nil {
				t.Errorf("%s names %s, which does not exist", p.path, name)
			}
		}
		for _, code := range append(quoted(p.prose()), fences.FindAllString(p.text, -1)...) {
			for _, target := range makeTarget.FindAllStringSubmatch(code, -1) {
				if !strings.Contains(string(makefile), "\n"+target[1]+":") {
					t.Errorf("%s names make %s, which the Makefile does not have", p.path, target[1])
				}
			}
		}
	}
}

// TestRunbook checks that every alarm has an entry with its meaning, a first look and what to do, and that no entry is
// about an alarm that does not exist.
func TestRunbook(t *testing.T) {
	t.Parallel()
	runbook := document(t, "operations.md").section(t, "Runbook")
	entries := map[string]string{}
	found := headings.FindAllStringSubmatchIndex(runbook, -1)
	for i, at := range found {
		end := len(runbook)
		if i+1 < len(found) {
			end = found[i+1][0]
		}
		entries[runbook[at[4]:at[5]]] = runbook[at[1]:end]
	}
	alarms := 0
	for id := range sourceTemplate(t).ofType("AWS::CloudWatch::Alarm") {
		alarms++
		entry, ok := entries[id]
		if !ok {
			t.Errorf("operations.md has no runbook entry for the alarm %s", id)
		}
		for _, part := range []string{"**Means:**", "**First look", " do:**"} {
			if ok && !strings.Contains(strings.ReplaceAll(entry, "**Do:**", "** do:**"), part) {
				t.Errorf("operations.md: the entry of %s has no %s", id, part)
			}
		}
		delete(entries, id)
	}
	for id := range entries {
		t.Errorf("operations.md has a runbook entry for %s, which is no alarm of the template", id)
	}
	if alarms < 30 {
		t.Errorf("only %d alarms were found", alarms)
	}
}

// TestSettingsAreDocumented checks every parameter, environment variable and secret of the template, and that no
// parameter is documented that does not exist.
func TestSettingsAreDocumented(t *testing.T) {
	t.Parallel()
	template, configuration := sourceTemplate(t), document(t, "configuration.md")
	documented := quoted(configuration.text)
	for name := range template.at("Parameters") {
		if !slices.Contains(documented, name) {
			t.Errorf("configuration.md does not describe the parameter %s", name)
		}
	}
	for _, row := range cells(configuration.section(t, "Parameters")) {
		for _, name := range quoted(row[0]) {
			if template.at("Parameters", name) == nil {
				t.Errorf("configuration.md describes the parameter %s, which the template does not have", name)
			}
		}
	}
	variables := map[string]bool{}
	for name := range template.at("Globals", "Function", "Environment", "Variables") {
		variables[name] = true
	}
	for _, f := range template.ofType("AWS::Serverless::Function") {
		for name := range f.at("Environment", "Variables") {
			variables[name] = true
		}
	}
	for name := range variables {
		if !slices.Contains(documented, name) {
			t.Errorf("configuration.md does not describe the environment variable %s", name)
		}
	}
	for _, secret := range template.ofType("AWS::SecretsManager::Secret") {
		if name := strings.ReplaceAll(secret.at("Name").text("Fn::Sub"), "${Stage}", "<stage>"); !slices.Contains(documented, name) {
			t.Errorf("configuration.md does not describe the secret %s", name)
		}
	}
}

// TestMetricsAreDocumented compares the metrics that deployed code and the metric filters of the template count with the table in configuration.md.
func TestMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	counted := countedMetrics(t)
	documented := map[string]bool{}
	for _, row := range cells(document(t, "configuration.md").section(t, "Metrics"))[1:] {
		documented[strings.Trim(row[0], "`")] = true
	}
	for metric, where := range counted {
		if !documented[metric] {
			t.Errorf("%s counts %s, which configuration.md does not describe", where, metric)
		}
	}
	for metric := range documented {
		if counted[metric] == "" {
			t.Errorf("configuration.md describes the metric %s, which nothing counts", metric)
		}
	}
}

// TestEventsOfLogsExist checks that the log events that documents name are written by deployed code.
func TestEventsOfLogsExist(t *testing.T) {
	t.Parallel()
	literals := map[string]bool{}
	for _, s := range allSources(t) {
		if s.isTest() || strings.HasPrefix(s.folder(), "shared/dev/") {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				literals[strings.Trim(literal.Value, "`\"")] = true
			}
			return true
		})
	}
	event := regexp.MustCompile(`event (?:=|in) *\[?"([a-z_]+\.[a-z_]+)"`)
	for _, p := range documents(t) {
		for _, found := range event.FindAllStringSubmatch(p.text, -1) {
			if !literals[found[1]] {
				t.Errorf("%s names the log event %s, which nothing writes", p.path, found[1])
			}
		}
	}
}
