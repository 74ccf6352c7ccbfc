package aurora

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// MicroUSD is an amount of money in millionths of a US dollar.
type MicroUSD int64

var dollarsPattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[0-9]{1,9}(?:\.([0-9]{1,6}))?$`)
})

// ParseUSD reads an amount such as 0.10.
func ParseUSD(s string) (MicroUSD, error) {
	m := dollarsPattern().FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf("%q is not an amount of US dollars such as 0.10", s)
	}
	dollars, _, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(dollars+(m[1] + "000000")[:6], 10, 64)
	return MicroUSD(n), err
}

// MarshalJSON writes the amount in dollars, such as 0.1. ParseUSD reads it.
func (m MicroUSD) MarshalJSON() ([]byte, error) {
	text := fmt.Sprintf("%d.%06d", m/1_000_000, m%1_000_000)
	return []byte(strings.TrimSuffix(strings.TrimRight(text, "0"), ".")), nil
}
