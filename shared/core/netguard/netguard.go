package netguard

import (
	"errors"
	"net/netip"
	"slices"
	"syscall"
)

// ErrBlockedAddress is the error of a connection to an address that is not public.
var ErrBlockedAddress = errors.New("this address must not be reached")

// Control is a function for net.Dialer.Control. It rejects addresses that are not public. The dialer calls it after the
// resolution of the name and before it connects.
func Control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !IsPublic(at.Addr()) {
		return ErrBlockedAddress
	}
	return nil
}

// ControlAllowingLoopback is Control for development machines: it accepts addresses of this machine as well.
func ControlAllowingLoopback(network, address string, c syscall.RawConn) error {
	if at, err := netip.ParseAddrPort(address); err == nil && at.Addr().Unmap().IsLoopback() {
		return nil
	}
	return Control(network, address, c)
}

// specialPrefixes are the addresses that are not public although they look like it.
var specialPrefixes = parsePrefixes("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
	"192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
	"224.0.0.0/4", "240.0.0.0/4",
	"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")

// globalUnicast holds all public IPv6 addresses. Translation prefixes such as 64:ff9b::/96 are outside.
var globalUnicast = netip.MustParsePrefix("2000::/3")

func parsePrefixes(texts ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(texts))
	for i, p := range texts {
		all[i] = netip.MustParsePrefix(p)
	}
	return all
}

// IsPublic reports whether an address is a public one of the internet.
func IsPublic(a netip.Addr) bool {
	if a.Zone() != "" {
		return false
	}
	a = a.Unmap()
	if !a.IsValid() || a.Is6() && !globalUnicast.Contains(a) {
		return false
	}
	return !slices.ContainsFunc(specialPrefixes, func(p netip.Prefix) bool { return p.Contains(a) })
}
