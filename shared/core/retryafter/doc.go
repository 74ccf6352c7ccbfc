// Package retryafter reads the header Retry-After of a provider's answer (RFC 9110, section 10.2.3).
package retryafter
