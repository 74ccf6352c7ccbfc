// Package netguard keeps connections to configured addresses on the public internet (protection against server-side request
// forgery, SSRF). Tools' servers, MCP servers and models' own servers are reached through it.
//
// # Decisions
//
// The check is made by the dialer on the resolved address, when the connection is made. So neither a name that leads to this
// machine, its network or the metadata service of the cloud, nor DNS rebinding passes. It lists what is allowed, not what is
// forbidden: global unicast addresses without the special ones of the IANA registries
// (https://www.iana.org/assignments/iana-ipv4-special-registry, https://www.iana.org/assignments/iana-ipv6-special-registry).
package netguard
