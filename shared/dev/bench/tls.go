package bench

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// systemRoots are the places of a system's certificates: of Lambda's Amazon Linux, and of Debian. A process reads them all before its
// first handshake.
var systemRoots = []string{"/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/certs/ca-certificates.crt"}

// secureServers serve over TLS what the run's stores, model and telephone provider serve without it.
type secureServers struct {
	addresses map[string]string // by the address of the server without TLS
	rootsFile string            // the system's certificates and the run's own
	stop      []func()
}

// startSecureServers starts a server for each address, with a certificate that is made here.
func startSecureServers(folder string, addresses []string) (*secureServers, error) {
	certificate, root, err := newCertificate(time.Now())
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	s := &secureServers{addresses: map[string]string{}, rootsFile: filepath.Join(folder, "roots.pem")}
	var roots []byte
	for _, file := range systemRoots {
		if text, err := os.ReadFile(file); err == nil {
			roots = append(text, '\n')
			break
		}
	}
	if err := os.WriteFile(s.rootsFile, append(roots, root...), 0o600); err != nil {
		return nil, err
	}
	for _, address := range addresses {
		to, err := url.Parse(address)
		if err != nil {
			s.close()
			return nil, err
		}
		proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to); removeTrailer(r.Out) }, FlushInterval: -1,
			Transport: &http.Transport{MaxIdleConnsPerHost: 16, DisableCompression: true}}
		at, stop, err := serveTLS(proxy, certificate)
		if err != nil {
			s.close()
			return nil, err
		}
		s.addresses[address] = at
		s.stop = append(s.stop, stop)
	}
	return s, nil
}

// removeTrailer changes an upload with a checksum behind the body, which the SDK sends over TLS only, to a plain one, which the
// local S3 takes (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html).
func removeTrailer(r *http.Request) {
	if r.Header.Get("X-Amz-Content-Sha256") != "STREAMING-UNSIGNED-PAYLOAD-TRAILER" {
		return
	}
	if n, err := strconv.ParseInt(r.Header.Get("X-Amz-Decoded-Content-Length"), 10, 64); err == nil {
		r.ContentLength = n
		r.Header.Set("Content-Length", strconv.FormatInt(n, 10))
	}
	framed := r.Body
	r.Body = struct {
		io.Reader
		io.Closer
	}{httputil.NewChunkedReader(framed), framed}
	r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	for _, name := range []string{"Content-Encoding", "X-Amz-Trailer", "X-Amz-Decoded-Content-Length"} {
		r.Header.Del(name)
	}
}

func (s *secureServers) close() {
	for _, stop := range s.stop {
		stop()
	}
}

// environment returns a function's environment with the servers' addresses, and with the file of the certificates.
func (s *secureServers) environment(plain []string) []string {
	out := make([]string, 0, len(plain)+1)
	for _, entry := range plain {
		for from, to := range s.addresses {
			entry = strings.Replace(entry, "="+from, "="+to, 1)
		}
		out = append(out, entry)
	}
	return append(out, "SSL_CERT_FILE="+s.rootsFile)
}

// newCertificate returns a certificate of 127.0.0.1 by way of an intermediate one, with RSA keys as AWS has them, and the
// root as PEM.
func newCertificate(now time.Time) (tls.Certificate, []byte, error) {
	var chain [][]byte // the root first
	var parent *x509.Certificate
	var parentKey *rsa.PrivateKey
	for i, name := range []string{"bench root", "bench intermediate", "bench server"} {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return tls.Certificate{}, nil, err
		}
		c := &x509.Certificate{SerialNumber: big.NewInt(int64(i + 1)), Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
			BasicConstraintsValid: true, IsCA: i < 2, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
		if !c.IsCA {
			c.IPAddresses, c.ExtKeyUsage, c.KeyUsage = []net.IP{net.IPv4(127, 0, 0, 1)}, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, x509.KeyUsageDigitalSignature
		}
		if parent == nil {
			parent, parentKey = c, key
		}
		der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, parentKey)
		if err != nil {
			return tls.Certificate{}, nil, err
		}
		chain = append(chain, der)
		if parent, err = x509.ParseCertificate(der); err != nil {
			return tls.Certificate{}, nil, err
		}
		parentKey = key
	}
	root := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: chain[0]})
	sent := chain[1:]
	slices.Reverse(sent)
	return tls.Certificate{Certificate: sent, PrivateKey: parentKey}, root, nil
}

// measureSecureColdStarts measures the start of every function again, with all connections over TLS.
func (b *bench) measureSecureColdStarts(ctx context.Context) error {
	addresses := []string{strings.TrimSuffix(b.external.model, "/v1"), b.external.telephone}
	for _, at := range b.meter.addresses {
		addresses = append(addresses, at)
	}
	servers, err := startSecureServers(b.temp, addresses)
	if err != nil {
		return err
	}
	defer servers.close()
	all, err := b.candidates(ctx, servers.environment)
	if err != nil {
		return err
	}
	b.results.SecureCold, err = coldStarts(ctx, all, b.size.starts)
	return err
}
