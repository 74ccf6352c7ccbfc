package tools

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"example.com/aurora/shared/core/aurora"
)

// isToolName reports whether OpenAI accepts s as the name of a function: 1 to 64 letters, digits, _ and -.
func isToolName(s string) bool { return aurora.IsSafeID(s) }

// CheckTools returns everything that is wrong with the tools of an assistant, as joined errors. privateHosts are addresses
// host:port that are allowed beside https on the internet.
func CheckTools(a aurora.Assistant, privateHosts ...string) error {
	g := newGuard(privateHosts)
	var validators validatorCache
	var problems []error
	report := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }

	for i, name := range a.Functions {
		own := slices.ContainsFunc(a.Tools, func(h aurora.HTTPTool) bool { return h.Name == name })
		if findBuiltin(name) == nil && !own && !(len(a.Handoffs) > 0 && isHandoffName(name)) {
			report("functions.%d: there is no tool %q; the tools are %s", i, name, strings.Join(BuiltinNames(), ", "))
		}
		if slices.Contains(a.Functions[:i], name) {
			report("functions.%d: %q is named twice", i, name)
		}
	}
	for i, h := range a.Tools {
		at := fmt.Sprintf("tools.%d", i)
		if !isToolName(h.Name) {
			report("%s.name: must be 1 to 64 letters, digits, _ and -", at)
		}
		if findBuiltin(h.Name) != nil || isHandoffName(h.Name) {
			report("%s.name: %q is the name of a built-in tool or a handoff", at, h.Name)
		}
		if slices.ContainsFunc(a.Tools[:i], func(o aurora.HTTPTool) bool { return o.Name == h.Name }) {
			report("%s.name: %q is the name of another tool", at, h.Name)
		}
		if _, err := g.parseURL(h.URL); err != nil {
			report("%s.url: %w", at, err)
		}
		if _, err := validators.validator(parametersOrAny(h.Parameters)); err != nil {
			report("%s.parameters: %s", at, strings.Join(strings.Fields(err.Error()), " "))
		}
	}
	for i, m := range a.MCPServers {
		if _, err := g.parseURL(m.URL); err != nil {
			report("mcpServers.%d.url: %w", i, err)
		}
	}
	for i, d := range a.TransferDestinations {
		same := func(o aurora.Destination) bool { return d.Name != "" && o.Name == d.Name }
		if slices.ContainsFunc(a.TransferDestinations[:i], same) {
			report("transferDestinations.%d.name: %q is the name of another destination", i, d.Name)
		}
	}
	return errors.Join(problems...)
}
