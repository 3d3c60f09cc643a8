package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// pki names the key files of one cluster. Everything is created again at each start.
type pki struct {
	dir            string
	caFile         string
	servingCert    string
	servingKey     string
	serviceAccount string // the key that signs service-account tokens
	pool           *x509.CertPool
	caPEM          []byte
}

// newPKI writes a certificate authority, a serving certificate for loopback and
// a service-account key. The API server could sign its own certificate, but
// then clients would have to skip verification, which tests should not get used
// to.
func newPKI(dir string) (*pki, error) {
	p := pkiIn(dir)
	if err := p.write(); err != nil {
		return nil, fmt.Errorf("making certificates in %s: %w", dir, err)
	}
	return p, nil
}

// openPKI reads what another start of this program wrote.
func openPKI(dir string) (*pki, error) {
	p := pkiIn(dir)
	pem, err := os.ReadFile(p.caFile)
	if err != nil {
		return nil, fmt.Errorf("reading the certificates of the cluster: %w", err)
	}
	p.caPEM, p.pool = pem, x509.NewCertPool()
	if !p.pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", p.caFile)
	}
	return p, nil
}

func pkiIn(dir string) *pki {
	return &pki{
		dir:            dir,
		caFile:         filepath.Join(dir, "ca.crt"),
		servingCert:    filepath.Join(dir, "apiserver.crt"),
		servingKey:     filepath.Join(dir, "apiserver.key"),
		serviceAccount: filepath.Join(dir, "service-account.key"),
	}
}

func (p *pki) write() error {
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return err
	}
	// An hour back, so that a clock that is set back does not end trust.
	notBefore := time.Now().Add(-time.Hour)
	notAfter := notBefore.AddDate(1, 0, 0)

	caKey, err := newKey()
	if err != nil {
		return err
	}
	caTemplate := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{CommonName: "dev cluster CA"},
		NotBefore:             notBefore,
		NotAfter:              notAfter,
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	caDER, err := x509.CreateCertificate(rand.Reader, caTemplate, caTemplate, caKey.Public(), caKey)
	if err != nil {
		return err
	}
	ca, err := x509.ParseCertificate(caDER)
	if err != nil {
		return err
	}
	p.pool = x509.NewCertPool()
	p.pool.AddCert(ca)
	p.caPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER})
	if err := os.WriteFile(p.caFile, p.caPEM, 0o600); err != nil {
		return err
	}

	servingKey, err := newKey()
	if err != nil {
		return err
	}
	servingTemplate := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: "kube-apiserver"},
		NotBefore:    notBefore,
		NotAfter:     notAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		// The in-cluster name, for clients that are configured to verify that one.
		DNSNames: []string{"localhost", "kubernetes.default.svc"},
	}
	servingDER, err := x509.CreateCertificate(rand.Reader, servingTemplate, ca, servingKey.Public(), caKey)
	if err != nil {
		return err
	}
	if err := writePEM(p.servingCert, "CERTIFICATE", servingDER); err != nil {
		return err
	}
	if err := writeKey(p.servingKey, servingKey); err != nil {
		return err
	}

	serviceAccountKey, err := newKey()
	if err != nil {
		return err
	}
	return writeKey(p.serviceAccount, serviceAccountKey)
}

// newKey makes an elliptic-curve key: much quicker than RSA, and understood by
// everything in Kubernetes.
func newKey() (*ecdsa.PrivateKey, error) {
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic("crypto/rand failed: " + err.Error()) // documented never to happen
	}
	return n.Add(n, big.NewInt(1)) // zero is no valid serial number
}

func writeKey(path string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return writePEM(path, "EC PRIVATE KEY", der)
}

func writePEM(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
