package outbound

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/nyaruka/phonenumbers"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/numberplan"
)

// moreZones holds the time zones of area codes of the NANP that the library does not know: of overlays, which cover the same
// area as an older code, and of areas for which it has one zone only. Source: https://www.lincmad.com/areacodemap.html, with
// the overlays at https://www.lincmad.com/overlays.html; NANPA (https://www.nanpa.com) has the planning letters.
var moreZones = map[string][]string{
	"364": {"America/Chicago"},                                                               // overlay of 270, western Kentucky
	"448": {"America/Chicago"},                                                               // overlay of 850, western Florida
	"930": {"America/Chicago"},                                                               // overlay of 812, southern Indiana
	"931": {"America/New_York"},                                                              // Tennessee, up to the border of Eastern Time
	"986": {"America/Los_Angeles", "America/Denver"},                                         // overlay of 208, Idaho
	"458": {"America/Los_Angeles", "America/Denver"},                                         // overlay of 541, Oregon
	"867": {"America/Whitehorse", "America/Edmonton", "America/Winnipeg", "America/Toronto"}, // Yukon, Northwest Territories, Nunavut
	"367": {"America/Halifax"},                                                               // overlay of 418, eastern Québec
	"581": {"America/Halifax"},                                                               // the same
	"879": {"America/St_Johns", "America/Halifax"},                                           // overlay of 709, Newfoundland and Labrador
	"672": {"America/Vancouver", "America/Edmonton", "America/Fort_Nelson"},                  // overlay of British Columbia
	"236": {"America/Vancouver", "America/Edmonton", "America/Fort_Nelson"},                  // the same
	"778": {"America/Vancouver", "America/Edmonton", "America/Fort_Nelson"},                  // the same
	"250": {"America/Fort_Nelson"},                                                           // British Columbia outside Vancouver
	"807": {"America/Winnipeg"},                                                              // north-western Ontario
}

// mobileZones holds the time zones of countries with several, for mobile numbers: their digits do not say where they are
// used. Source: the IANA time zone database, zone.tab.
var mobileZones = map[string][]string{
	"AU": {"Australia/Perth", "Australia/Adelaide", "Australia/Darwin", "Australia/Brisbane", "Australia/Sydney"},
	"CD": {"Africa/Kinshasa", "Africa/Lubumbashi"},
	"CL": {"America/Santiago", "Pacific/Easter"},
	"EC": {"America/Guayaquil", "Pacific/Galapagos"},
	"ES": {"Europe/Madrid", "Atlantic/Canary"},
	"FM": {"Pacific/Chuuk", "Pacific/Pohnpei"},
	"ID": {"Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"},
	"KI": {"Pacific/Tarawa", "Pacific/Kiritimati"},
	"MN": {"Asia/Ulaanbaatar", "Asia/Hovd"},
	"NZ": {"Pacific/Auckland", "Pacific/Chatham"},
	"PF": {"Pacific/Tahiti", "Pacific/Marquesas", "Pacific/Gambier"},
	"PG": {"Pacific/Port_Moresby", "Pacific/Bougainville"},
	"PT": {"Europe/Lisbon", "Atlantic/Azores"},
	"RU": {"Europe/Kaliningrad", "Europe/Moscow", "Asia/Yekaterinburg", "Asia/Irkutsk", "Asia/Vladivostok", "Asia/Kamchatka"},
}

// timeZonesOf returns all time zones that a number may be in. In the NANP those are the zones of the whole area code, for
// mobile and fixed numbers alike: numbers are ported within it, and the three digits after it say nothing about a mobile
// one. Elsewhere they are the library's, and for mobile numbers those of the whole country.
func timeZonesOf(n *phonenumbers.PhoneNumber, phone aurora.Phone) []string {
	if n.GetCountryCode() == 1 && len(phone) == len("+14155550100") {
		return areaZones(string(phone[2:5]))
	}
	zones, err := phonenumbers.GetTimezonesForNumber(n)
	if err != nil {
		zones = nil
	}
	if found := numberplan.Find(phone); found.Kind != numberplan.Fixed {
		zones = withZones(zones, mobileZones[found.Region])
	}
	return zones
}

var areas sync.Map // area code → []string

// areaZones returns the time zones of an area code: the library's for every exchange, and those of moreZones.
func areaZones(area string) []string {
	if known, ok := areas.Load(area); ok {
		return known.([]string)
	}
	var zones []string
	for exchange := 200; exchange < 1000; exchange++ {
		found, err := phonenumbers.GetTimezonesForPrefix(fmt.Sprintf("+1%s%d0000", area, exchange))
		if err == nil {
			zones = withZones(zones, found)
		}
	}
	if more := moreZones[area]; more != nil {
		zones = withZones(slices.DeleteFunc(zones, func(z string) bool { return len(zones) > maxTimeZones || !strings.Contains(z, "/") }), more)
	}
	areas.Store(area, zones)
	return zones
}

// withZones adds the zones that are not there yet.
func withZones(zones, more []string) []string {
	for _, z := range more {
		if !slices.Contains(zones, z) {
			zones = append(zones, z)
		}
	}
	return zones
}
