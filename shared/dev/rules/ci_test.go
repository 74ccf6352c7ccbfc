package rules_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A tag of an action can be moved to other code. A commit hash cannot, so the workflows name hashes, and the version in
// a comment for readers and for Dependabot.
func TestActionsArePinned(t *testing.T) {
	t.Parallel()
	workflows, err := filepath.Glob(filepath.Join(root, ".github", "workflows", "*.yml"))
	if err != nil || len(workflows) == 0 {
		t.Fatalf("no workflows found: %v", err)
	}
	pinned := regexp.MustCompile(`^[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
	for _, path := range workflows {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if _, action, uses := strings.Cut(strings.TrimSpace(line), "uses: "); uses && !pinned.MatchString(action) {
				t.Errorf("%s uses %q; want owner/action@<40 hex digits> # v1.2.3", filepath.Base(path), action)
			}
		}
	}
}
