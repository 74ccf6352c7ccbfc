package aurora

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// Limits of a number in a stored document, which are those of DynamoDB.
const (
	maxNumberDigits   = 38
	maxNumberExponent = 120
)

// Canonical writes a document in the one form in which it is stored, compared and hashed: names in order, numbers without
// exponents and needless zeros. A document that DynamoDB stored as attributes and one from a file have the same form.
// Canonical changes fields. Numbers that DynamoDB cannot store stay as they are.
func Canonical(fields map[string]any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // templates and prompts have < and &
	if err := e.Encode(canonicalValue(fields)); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func canonicalValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, item := range v {
			v[name] = canonicalValue(item)
		}
	case []any:
		for i, item := range v {
			v[i] = canonicalValue(item)
		}
	case json.Number:
		if n, ok := CanonicalNumber(v); ok {
			return n
		}
	}
	return v
}

// HashDocument returns the hash that identifies a document in canonical form.
func HashDocument(canonical []byte) string {
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:])
}

// CanonicalNumber writes a number without an exponent and without needless zeros. It is not ok if DynamoDB cannot store it:
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
func CanonicalNumber(n json.Number) (canonical json.Number, ok bool) {
	s, negative := strings.CutPrefix(string(n), "-")
	mantissa, exponentText, _ := strings.Cut(strings.ToLower(s), "e")
	exponent := 0
	if exponentText != "" {
		var err error
		if exponent, err = strconv.Atoi(exponentText); err != nil {
			return n, false
		}
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	exponent -= len(fraction)
	trimmed := strings.TrimRight(digits, "0")
	exponent += len(digits) - len(trimmed)
	if trimmed == "" {
		return "0", true
	}
	if len(trimmed) > maxNumberDigits || exponent > maxNumberExponent || exponent+len(trimmed) < -maxNumberExponent {
		return n, false
	}
	switch point := len(trimmed) + exponent; {
	case exponent >= 0:
		s = trimmed + strings.Repeat("0", exponent)
	case point > 0:
		s = trimmed[:point] + "." + trimmed[point:]
	default:
		s = "0." + strings.Repeat("0", -point) + trimmed
	}
	if negative {
		s = "-" + s
	}
	return json.Number(s), true
}

// derivedAttributes are what the store adds to an assistant's document for its indexes.
var derivedAttributes = []string{"numberE164", "internalKey", "scheduledKey", "textKey"}

// StoredContent returns an assistant's document in canonical form, without what the store adds to it: the attributes of its
// indexes, and those of its version, whose names begin with an underscore. It changes fields.
func StoredContent(fields map[string]any) ([]byte, error) {
	for name := range fields {
		if strings.HasPrefix(name, "_") || slices.Contains(derivedAttributes, name) {
			delete(fields, name)
		}
	}
	return Canonical(fields)
}
