package liquid

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// arithmeticSteps is what it takes to calculate with fractions.
const arithmeticSteps = 20

// ofNumbers makes a filter of two numbers.
func ofNumbers(f func(a, b any) (any, error)) *filter {
	return &filter{min: 1, max: 1, run: func(a arguments, v any) (any, error) {
		if err := a.r.step(arithmeticSteps); err != nil {
			return nil, err
		}
		return f(toNumber(v), toNumber(a.at(0)))
	}}
}

// ofNumber makes a filter of one number.
func ofNumber(f func(n any) (any, error)) *filter {
	return &filter{run: func(a arguments, v any) (any, error) {
		if err := a.r.step(arithmeticSteps); err != nil {
			return nil, err
		}
		return f(toNumber(v))
	}}
}

var numberFilters = map[string]*filter{
	"plus":  ofNumbers(decimals((*big.Rat).Add)),
	"minus": ofNumbers(decimals((*big.Rat).Sub)),
	"times": ofNumbers(decimals((*big.Rat).Mul)),
	"divided_by": ofNumbers(func(a, b any) (any, error) {
		if exact(b).Sign() == 0 {
			return nil, errDivisionByZero
		}
		quotient := new(big.Rat).Quo(exact(a), exact(b))
		if isWhole(a) && isWhole(b) { // as in Ruby, two whole numbers have a whole quotient
			return wholeResult(floor(quotient))
		}
		return floatResult(quotient)
	}),
	"modulo": ofNumbers(func(a, b any) (any, error) {
		if exact(b).Sign() == 0 {
			return nil, errDivisionByZero
		}
		whole := new(big.Rat).SetInt(floor(new(big.Rat).Quo(exact(a), exact(b))))
		return numberResult(new(big.Rat).Sub(exact(a), whole.Mul(whole, exact(b))), a, b)
	}),
	"at_least": ofNumbers(func(a, b any) (any, error) {
		if exact(a).Cmp(exact(b)) < 0 {
			return b, nil
		}
		return a, nil
	}),
	"at_most": ofNumbers(func(a, b any) (any, error) {
		if exact(a).Cmp(exact(b)) > 0 {
			return b, nil
		}
		return a, nil
	}),
	"abs": ofNumber(func(n any) (any, error) {
		return numberResult(new(big.Rat).Abs(exact(n)), n, n)
	}),
	"ceil": ofNumber(func(n any) (any, error) {
		negative := floor(new(big.Rat).Neg(exact(n)))
		return wholeResult(negative.Neg(negative))
	}),
	"floor": ofNumber(func(n any) (any, error) { return wholeResult(floor(exact(n))) }),
	"round": {max: 1, run: roundFilter},
}

// maxPlaces limits how many places a number is rounded to.
const maxPlaces = 20

// roundFilter rounds half away from zero. Without places the result is a whole number.
func roundFilter(a arguments, v any) (any, error) {
	if err := a.r.step(2 * arithmeticSteps); err != nil {
		return nil, err
	}
	n := toNumber(v)
	places := min(max(a.number(0, 0), -maxPlaces), maxPlaces)
	scale := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(max(places, -places)), nil))
	if places < 0 {
		scale.Inv(scale)
	}
	scaled := new(big.Rat).Mul(exact(n), scale)
	sign := int64(scaled.Sign())
	rounded := new(big.Rat).SetInt(floor(scaled.Abs(scaled).Add(scaled, big.NewRat(1, 2))))
	rounded.Mul(rounded, big.NewRat(sign, 1)).Quo(rounded, scale)
	if places <= 0 || isWhole(n) {
		return wholeResult(floor(rounded))
	}
	return floatResult(rounded)
}

// decimals makes arithmetic of numbers as they are written, so that 0.1 and 0.2 are 0.3.
func decimals(f func(z, a, b *big.Rat) *big.Rat) func(a, b any) (any, error) {
	return func(a, b any) (any, error) { return numberResult(f(new(big.Rat), exact(a), exact(b)), a, b) }
}

// exact returns a number as a fraction.
func exact(n any) *big.Rat {
	switch n := n.(type) {
	case int64:
		return new(big.Rat).SetInt64(n)
	case float64:
		if r, ok := new(big.Rat).SetString(strconv.FormatFloat(n, 'g', -1, 64)); ok {
			return r
		}
	}
	return new(big.Rat)
}

func isWhole(n any) bool {
	_, ok := n.(int64)
	return ok
}

func floor(r *big.Rat) *big.Int { return new(big.Int).Div(r.Num(), r.Denom()) }

// numberResult returns a whole number if both operands are whole.
func numberResult(r *big.Rat, a, b any) (any, error) {
	if isWhole(a) && isWhole(b) {
		return wholeResult(floor(r))
	}
	return floatResult(r)
}

func wholeResult(n *big.Int) (any, error) {
	if n.IsInt64() {
		return n.Int64(), nil
	}
	return floatResult(new(big.Rat).SetInt(n))
}

func floatResult(r *big.Rat) (any, error) {
	f, _ := r.Float64()
	if math.IsInf(f, 0) {
		return nil, errNumberTooLarge
	}
	return f, nil
}

// toNumber returns the int64 or float64 of a value: the number at the beginning of a text, and 0 for anything else.
func toNumber(v any) any {
	switch v := v.(type) {
	case int64:
		return v
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return int64(0)
		}
		return v
	case string:
		return leadingNumber(strings.TrimSpace(v[:min(len(v), maxDigits)]))
	}
	return int64(0)
}

// maxDigits is how much of a text is read as a number: more than a number has that is written in a prompt.
const maxDigits = 64

func leadingNumber(s string) any {
	l, length := lexeme{}, 0
	if s != "" && (s[0] == '-' && len(s) > 1 && s[1] >= '0' && s[1] <= '9' || s[0] >= '0' && s[0] <= '9') {
		l, length = lexNumber(s)
	}
	if f, ok := l.value.(float64); ok && length < len(s) { // "1.5 kg" is 1, as in Ruby
		return wholeOf(f)
	}
	if l.value == nil {
		return int64(0)
	}
	return l.value
}

func wholeOf(f float64) any {
	n, err := wholeResult(floor(exact(f)))
	if err != nil {
		return int64(0)
	}
	return n
}

// toInt returns a value as an int64, without its fraction.
func toInt(v any) int64 {
	switch n := toNumber(v).(type) {
	case int64:
		return n
	case float64:
		return int64(max(min(n, math.MaxInt64/2), math.MinInt64/2))
	}
	return 0
}

// wholeNumber returns a number, or a text that is one, without its fraction. It reports whether the value is a number.
func wholeNumber(v any) (int64, bool) {
	switch v := v.(type) {
	case int64, float64:
		return toInt(v), true
	case string:
		if len(v) > maxDigits {
			return 0, false
		}
		_, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
		return toInt(v), err == nil
	}
	return 0, false
}
