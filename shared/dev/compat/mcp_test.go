package compat

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/tools"
	"example.com/aurora/shared/dev/testkit"
)

// scenarioVariable is how the conformance suite names the scenario to the client that it starts.
const scenarioVariable = "MCP_CONFORMANCE_SCENARIO"

// TestMain lets this program be the client of a scenario: the suite starts it again, with the server's address as its last
// argument.
func TestMain(m *testing.M) {
	if os.Getenv(scenarioVariable) == "" {
		os.Exit(m.Run())
	}
	if err := callEveryTool(os.Args[len(os.Args)-1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// callEveryTool does what an assistant does with an MCP server: it lists the tools and calls them.
func callEveryTool(address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	kit := &tools.Kit{PrivateHosts: []string{u.Host}, Now: time.Now}
	assistant := aurora.Assistant{Configuration: aurora.Configuration{AssistantID: "a1"}, MCPServers: []aurora.MCPServer{{URL: address}}}
	for _, tool := range kit.ForScope(context.Background(), tools.Scope{Assistant: assistant}) {
		result, err := tool.Run(context.Background(), agent.Invocation{Arguments: json.RawMessage(`{"a":2,"b":3}`)})
		if err != nil {
			return fmt.Errorf("%s: %w", tool.Name, err)
		}
		fmt.Println(tool.Name, result.Content)
	}
	return nil
}

// TestMCPConformance runs scenarios of the conformance suite of the Model Context Protocol against the client of package tools.
func TestMCPConformance(t *testing.T) {
	const suite = "node_modules/@modelcontextprotocol/conformance/dist/index.js"
	version, err := exec.CommandContext(t.Context(), "node", "--version").Output()
	if err != nil {
		t.Fatalf("node --version: %v", err)
	}
	major, _, _ := strings.Cut(strings.TrimPrefix(string(version), "v"), ".")
	if n, err := strconv.Atoi(major); err != nil || n < 22 {
		testkit.SkipCheck(t, "Node 22 is not installed, this is "+strings.TrimSpace(string(version))+": the MCP client was not checked by the MCP conformance suite")
	}
	if _, err := os.Stat(suite); err != nil {
		t.Fatalf("the clients are not installed (make clients): %v", err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, scenario := range []string{"initialize", "tools_call", "sse-retry"} {
		t.Run(scenario, func(t *testing.T) {
			command := exec.CommandContext(t.Context(), "node", filepath.FromSlash(suite), "client", "--command", self, "--scenario", scenario)
			if out, err := command.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
