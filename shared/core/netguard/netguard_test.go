package netguard

import (
	"net/netip"
	"testing"
)

func TestIsPublic(t *testing.T) {
	for _, yes := range []string{"93.184.215.14", "1.1.1.1", "100.63.255.255", "100.128.0.0", "172.32.0.1", "2606:4700::1111", "::ffff:93.184.215.14"} {
		if !IsPublic(netip.MustParseAddr(yes)) {
			t.Errorf("IsPublic(%s) = false", yes)
		}
	}
	for _, no := range []string{"::ffff:10.0.0.1", "2606:4700::1111%eth0", "192.88.99.1", "3fff::1", "5f00::1", "100::1", "fec0::1", "1::1"} {
		if IsPublic(netip.MustParseAddr(no)) {
			t.Errorf("IsPublic(%s) = true", no)
		}
	}
	if IsPublic(netip.Addr{}) {
		t.Error("IsPublic of no address = true")
	}
}

func TestControl(t *testing.T) {
	for address, want := range map[string]struct{ public, loopback bool }{
		"93.184.215.14:443": {true, true}, "[2606:4700::1111]:8443": {true, true},
		"127.0.0.1:9001": {false, true}, "[::1]:80": {false, true}, "[::ffff:127.0.0.1]:80": {false, true},
		"10.0.0.1:443": {false, false}, "169.254.169.254:80": {false, false}, "[fd00:ec2::254]:80": {false, false}, "0.0.0.0:80": {false, false},
		"localhost:80": {false, false}, "": {false, false},
	} {
		if err := Control("tcp", address, nil); (err == nil) != want.public {
			t.Errorf("Control(%q) = %v, want accepted: %v", address, err, want.public)
		}
		if err := ControlAllowingLoopback("tcp", address, nil); (err == nil) != want.loopback {
			t.Errorf("ControlAllowingLoopback(%q) = %v, want accepted: %v", address, err, want.loopback)
		}
	}
}
