package assistantcheck

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// Limits of a document. An item of DynamoDB has at most 400 KB with the names of its attributes and what is derived from
// them, and at most 32 levels.
const (
	maxDocumentBytes = 380_000
	maxDepth         = 30
)

// checkStorable checks a document against the limits of the table that stores it.
func checkStorable(document []byte, value any) []fault.Complaint {
	var all []fault.Complaint
	if n := len(document); n > maxDocumentBytes {
		all = append(all, fault.Complaint{Message: fmt.Sprintf("it has %d bytes; at most %d can be stored", n, maxDocumentBytes), Code: CodeTooLarge})
	}
	return appendUnstorable(all, "", value, 0)
}

func appendUnstorable(all []fault.Complaint, path string, value any, depth int) []fault.Complaint {
	if len(all) >= maxComplaints {
		return all
	}
	if depth > maxDepth {
		return append(all, fault.Complaint{Path: path, Message: fmt.Sprintf("it is nested more than %d levels deep", maxDepth), Code: CodeTooLarge})
	}
	switch v := value.(type) {
	case map[string]any:
		for name, item := range v {
			if name == "" {
				all = append(all, fault.Complaint{Path: path, Message: "it has a field without a name", Code: CodeInvalid})
			}
			all = appendUnstorable(all, joinPath(path, name), item, depth+1)
		}
	case []any:
		for i, item := range v {
			all = appendUnstorable(all, joinPath(path, strconv.Itoa(i)), item, depth+1)
		}
	case json.Number:
		if _, ok := aurora.CanonicalNumber(v); !ok {
			all = append(all, fault.Complaint{Path: path, Message: "the number has more than 38 digits, or is too large or too small", Code: CodeInvalid})
		}
	}
	return all
}

// Lines writes complaints for a terminal, one line each. Fields of one object that are missing, or are not fields of an
// assistant, share a line.
func Lines(complaints []fault.Complaint) string {
	var lines []fault.Complaint
	for _, c := range complaints {
		i := slices.IndexFunc(lines, func(l fault.Complaint) bool { return l.Code == c.Code && parentOf(l.Path) == parentOf(c.Path) })
		if i >= 0 && (c.Code == CodeMissing || c.Code == CodeUnknownField) {
			lines[i].Path += ", " + strings.TrimPrefix(c.Path, parentOf(c.Path))
			continue
		}
		lines = append(lines, c)
	}
	var b strings.Builder
	for i, c := range lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		if b.WriteString("  "); c.Code == CodeNotJSON {
			b.WriteString(c.Message)
		} else {
			b.WriteString(c.String())
		}
	}
	return b.String()
}

// parentOf returns a path up to the last dot of its first field.
func parentOf(path string) string {
	first, _, _ := strings.Cut(path, ", ")
	return first[:strings.LastIndexByte(first, '.')+1]
}
