package numberplan

import (
	_ "embed"
	"regexp"
	"strings"
	"sync"

	"example.com/aurora/shared/core/aurora"
)

// Kind is what a number belongs to.
type Kind int

// The kinds of numbers. In some countries, such as the USA, mobile and fixed lines have the same numbers.
const (
	Unknown       Kind = iota // not a number of any country's plan
	Mobile                    // a mobile line
	Fixed                     // a fixed line
	FixedOrMobile             // a line of either kind
	Special                   // premium, toll-free, shared-cost, VoIP, personal, pager, universal access or voicemail
)

// International is the region of numbers that belong to no country, such as those of satellite telephones.
const International = "001"

// Number is what the digits of a number say.
type Number struct {
	Region string // ISO 3166-1 alpha-2, or International; empty if the number is of no plan
	Kind   Kind
}

// IsPersonal reports whether the number is a mobile or fixed line of a country. Only such a number belongs to a person.
func (n Number) IsPersonal() bool {
	return n.Region != "" && n.Region != International && (n.Kind == Mobile || n.Kind == Fixed || n.Kind == FixedOrMobile)
}

//go:embed plans.txt
var plans string

// plan is a line of plans.txt. Its fields are separated by tabs. Every pattern matches a whole national number, except
// leading, which matches the beginning.
type plan struct {
	region  string
	leading *regexp.Regexp // decides which country of a shared country code has the number; nil if the other patterns do
	general *regexp.Regexp // every number of the plan
	special *regexp.Regexp
	fixed   *regexp.Regexp
	mobile  *regexp.Regexp
}

// parsePlan reads a line without its country code.
func parsePlan(line string) plan {
	fields := strings.Split(line, "\t")
	p := plan{region: fields[0], general: whole(fields[2]), special: whole(fields[3]), fixed: whole(fields[4]), mobile: whole(fields[5])}
	if fields[1] != "" {
		p.leading = regexp.MustCompile("^(?:" + fields[1] + ")")
	}
	return p
}

// whole returns a pattern that matches a whole text, or nil for an empty pattern.
func whole(pattern string) *regexp.Regexp {
	if pattern == "" {
		return nil
	}
	return regexp.MustCompile("^(?:" + pattern + ")$")
}

func matches(pattern *regexp.Regexp, national string) bool {
	return pattern != nil && pattern.MatchString(national)
}

// kind returns the kind of a national number in this plan. A number of a special kind is not of another kind too.
func (p plan) kind(national string) Kind {
	fixed, mobile := matches(p.fixed, national), matches(p.mobile, national)
	switch {
	case !matches(p.general, national):
		return Unknown
	case matches(p.special, national):
		return Special
	case fixed && mobile:
		return FixedOrMobile
	case fixed:
		return Fixed
	case mobile:
		return Mobile
	}
	return Unknown
}

var byCode sync.Map // country code → []plan

// plansOf returns the plans of the countries that share a country code. The main country comes first.
func plansOf(code string) []plan {
	if known, ok := byCode.Load(code); ok {
		return known.([]plan)
	}
	var all []plan
	for line := range strings.Lines(plans) {
		if rest, ok := strings.CutPrefix(line, code+"\t"); ok {
			all = append(all, parsePlan(strings.TrimSuffix(rest, "\n")))
		}
	}
	byCode.Store(code, all)
	return all
}

// Find returns what the digits of a number in E.164 say.
func Find(phone aurora.Phone) Number {
	code := phone.CountryCode()
	if code == "" {
		return Number{}
	}
	national := string(phone[1+len(code):])
	all := plansOf(code)
	for _, p := range all {
		if len(all) > 1 && p.leading != nil {
			if p.leading.MatchString(national) {
				return Number{Region: p.region, Kind: p.kind(national)}
			}
			continue
		}
		if kind := p.kind(national); kind != Unknown {
			return Number{Region: p.region, Kind: kind}
		}
	}
	return Number{}
}

// IsCountry reports whether a code is the ISO 3166-1 alpha-2 code of a country that has a plan.
func IsCountry(region string) bool {
	return len(region) == 2 && strings.Contains(plans, "\t"+region+"\t")
}
