package aurora

import "time"

// Storage says what is stored of an assistant's calls.
type Storage string

// The values of Storage, from the least strict to the strictest. Empty means StoreEverything.
const (
	StoreEverything          Storage = "everything"
	StoreWithoutPersonalData Storage = "without-personal-data"
	StoreFigures             Storage = "nothing-but-figures"
)

// strictness orders the values. An unknown value counts as StoreWithoutPersonalData: it was meant to restrict something.
func (s Storage) strictness() int {
	switch s {
	case "", StoreEverything:
		return 0
	case StoreFigures:
		return 2
	}
	return 1
}

// IsEverything reports whether calls are stored as they are.
func (s Storage) IsEverything() bool { return s.strictness() == 0 }

// IsStricterThan reports whether less is stored than with another value.
func (s Storage) IsStricterThan(other Storage) bool { return s.strictness() > other.strictness() }

// Retention returns how long the assistant's calls are kept, in a deployment that keeps calls for most.
func (a *Assistant) Retention(most time.Duration) time.Duration {
	if own := time.Duration(a.RetentionDays) * 24 * time.Hour; own > 0 && own < most {
		return own
	}
	return most
}

// BusinessNumbers returns the numbers that belong to the assistant and to those to whom it transfers calls, and to no caller.
func (a *Assistant) BusinessNumbers() []Phone {
	numbers := a.Numbers()
	others := []string{string(a.TextFromNumber)}
	for _, d := range a.TransferDestinations {
		others = append(others, d.Number)
	}
	for _, s := range others {
		if p, ok := ParsePhone(s); ok {
			numbers = append(numbers, p)
		}
	}
	return numbers
}
