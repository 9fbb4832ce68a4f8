// SPDX-License-Identifier: Apache-2.0

package awskms_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/s3seal/s3seal/internal/printtest"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/awskms"
	"github.com/s3seal/s3seal/wrap/legacy"
	"github.com/s3seal/s3seal/wrap/localkms"
)

const (
	ourKeyID     = "arn:aws:kms:eu-west-1:111111111111:key/ours"
	foreignKeyID = "arn:aws:kms:eu-west-1:666666666666:key/theirs"
)

type md = map[string]string

// A wireCall is a request as it came over the wire.
type wireCall struct {
	op   string
	body struct {
		KeyID             string `json:"KeyId"`
		KeySpec           string
		NumberOfBytes     int
		EncryptionContext md
	}
}

// A wire is a KMS behind a server that writes down what it is asked.
type wire struct {
	url   string
	fail  int // status of every answer, if not 0
	code  string
	mu    sync.Mutex
	calls []wireCall
}

func startWire(t testing.TB) *wire {
	t.Helper()
	local := localkms.New()
	for _, id := range []string{ourKeyID, foreignKeyID} {
		if err := local.CreateKey(id); err != nil {
			t.Fatal(err)
		}
	}
	w, handler := new(wire), local.Handler()
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		c := wireCall{op: strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "TrentService.")}
		if err = errors.Join(err, json.Unmarshal(body, &c.body)); err != nil {
			t.Error(err)
		}
		w.mu.Lock()
		w.calls = append(w.calls, c)
		w.mu.Unlock()
		if w.fail != 0 {
			rw.Header().Set("Content-Type", "application/x-amz-json-1.1")
			rw.WriteHeader(w.fail)
			fmt.Fprintf(rw, `{"__type":%q,"message":"on purpose"}`, w.code)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		handler.ServeHTTP(rw, r)
	}))
	t.Cleanup(srv.Close)
	w.url = srv.URL
	return w
}

// take returns the requests since the last take.
func (w *wire) take() []wireCall {
	w.mu.Lock()
	defer w.mu.Unlock()
	calls := w.calls
	w.calls = nil
	return calls
}

func (w *wire) client() *kms.Client {
	return kms.New(kms.Options{
		BaseEndpoint: &w.url,
		Region:       "eu-west-1",
		Retryer:      aws.NopRetryer{},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	})
}

func mustNew(t testing.TB, client awskms.Client) wrap.KMS {
	t.Helper()
	k, err := awskms.New(client)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestDataKeys(t *testing.T) {
	w := startWire(t)
	k := mustNew(t, w.client())
	encCtx := md{"a": "b", "é": "漢 <&>"}
	for size, want := range map[int]string{32: "AES_256 0", 16: "AES_128 0", 24: " 24", 1: " 1", 1024: " 1024"} {
		w.take()
		plain, blob, err := k.GenerateDataKey(t.Context(), ourKeyID, size, encCtx)
		if err != nil || len(plain) != size {
			t.Fatalf("GenerateDataKey(%d) = %d bytes, %v", size, len(plain), err)
		}
		calls := w.take()
		if len(calls) != 1 || calls[0].body.KeyID != ourKeyID || fmt.Sprint(calls[0].body.KeySpec, " ", calls[0].body.NumberOfBytes) != want || len(calls[0].body.EncryptionContext) != 2 {
			t.Errorf("GenerateDataKey(%d) sent %+v, want %s", size, calls, want)
		}
		got, err := k.Decrypt(t.Context(), ourKeyID, blob, encCtx)
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("Decrypt = %x, %v, want %x, nil", got, err, plain)
		}
	}
	w.take()
	for _, size := range []int{-1, 0, 1025, 1 << 30} {
		if _, _, err := k.GenerateDataKey(t.Context(), ourKeyID, size, nil); err == nil {
			t.Errorf("GenerateDataKey(%d) = nil, want an error", size)
		}
	}
	if calls := w.take(); len(calls) != 0 {
		t.Errorf("sent %+v, want nothing", calls)
	}
}

// TestKeys runs the keys of packages wrap and legacy over the wire.
func TestKeys(t *testing.T) {
	k := mustNew(t, startWire(t).client())
	modern, errModern := wrap.NewKMS(k, ourKeyID)
	old, errOld := legacy.NewKMSPlain(k, ourKeyID)
	if err := errors.Join(errModern, errOld); err != nil {
		t.Fatal(err)
	}
	infos := map[wrap.Key]wrap.Info{
		modern: {ContentAlg: "115", MatDesc: md{"aws:x-amz-cek-alg": "115", "user": "alice"}},
		old:    {ContentAlg: "AES/CBC/PKCS5Padding", MatDesc: md{"kms_cmk_id": ourKeyID}},
	}
	for key, info := range infos {
		cek, wrapped, err := key.(wrap.Generator).Generate(t.Context(), 32, info)
		if err != nil {
			t.Fatal(err)
		}
		again, err := key.Wrap(t.Context(), cek, info)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range [][]byte{wrapped, again} {
			got, err := key.Unwrap(t.Context(), key.Algorithm(), w, info)
			if err != nil || !bytes.Equal(got, cek) {
				t.Errorf("%v: Unwrap = %x, %v, want %x, nil", key, got, err, cek)
			}
			w[len(w)-1] ^= 1
			if _, err := key.Unwrap(t.Context(), key.Algorithm(), w, info); !errors.Is(err, wrap.ErrUnwrap) {
				t.Errorf("%v: Unwrap of an altered blob = %v, want %v", key, err, wrap.ErrUnwrap)
			}
		}
	}
}

func wantRejected(t *testing.T, k wrap.KMS, blob []byte, encCtx md) {
	t.Helper()
	got, err := k.Decrypt(t.Context(), ourKeyID, blob, encCtx)
	if !errors.Is(err, wrap.ErrUnwrap) || err.Error() != wrap.ErrUnwrap.Error() || got != nil {
		t.Errorf("Decrypt = %x, %v, want nil, %v", got, err, wrap.ErrUnwrap)
	}
}

func TestRejected(t *testing.T) {
	w := startWire(t)
	k := mustNew(t, w.client())
	blob, err := k.Encrypt(t.Context(), ourKeyID, make([]byte, 32), md{"a": "b"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range blob {
		bad := bytes.Clone(blob)
		bad[i] ^= 1 << (i % 8)
		wantRejected(t, k, bad, md{"a": "b"})
	}
	for _, other := range []md{nil, {}, {"a": "c"}, {"b": "a"}, {"a": "b", "c": ""}} {
		wantRejected(t, k, blob, other)
	}
	w.take()
	wantRejected(t, k, make([]byte, 6144), nil)
	if calls := w.take(); len(calls) != 1 {
		t.Errorf("sent %+v, want the blob of 6144 bytes", calls)
	}
	wantRejected(t, k, nil, nil)
	wantRejected(t, k, make([]byte, 6145), nil)
	if calls := w.take(); len(calls) != 0 {
		t.Errorf("sent %+v, want nothing", calls)
	}
}

// TestAttackForeignKMSKey: a blob of a key that the KMS would use as well.
func TestAttackForeignKMSKey(t *testing.T) {
	w := startWire(t)
	k := mustNew(t, w.client())
	encCtx := md{"aws:x-amz-cek-alg": "115", "kms_cmk_id": foreignKeyID}
	forged, err := k.Encrypt(t.Context(), foreignKeyID, make([]byte, 32), encCtx)
	if err != nil {
		t.Fatal(err)
	}
	w.take()
	key, err := wrap.NewKMS(k, ourKeyID)
	if err != nil {
		t.Fatal(err)
	}
	_, err = key.Unwrap(t.Context(), wrap.KMSContext, forged, wrap.Info{ContentAlg: "115", MatDesc: encCtx})
	if !errors.Is(err, wrap.ErrUnwrap) {
		t.Errorf("Unwrap = %v, want %v", err, wrap.ErrUnwrap)
	}
	if calls := w.take(); len(calls) != 1 || calls[0].op != "Decrypt" || calls[0].body.KeyID != ourKeyID {
		t.Errorf("sent %+v, want one Decrypt with %s", calls, ourKeyID)
	}
}

// TestErrors: only what is the blob's fault is ErrUnwrap.
func TestErrors(t *testing.T) {
	w := startWire(t)
	k := mustNew(t, w.client())
	for code, unwrap := range map[string]bool{
		"InvalidCiphertextException": true, "IncorrectKeyException": true,
		"NotFoundException": false, "DisabledException": false, "KMSInvalidStateException": false, "KeyUnavailableException": false,
		"AccessDeniedException": false, "ThrottlingException": false, "DependencyTimeoutException": false,
		"InvalidKeyUsageException": false, "KMSInternalException": false, "ValidationException": false, "Unheard": false,
	} {
		w.fail, w.code = http.StatusBadRequest, code
		_, err := k.Decrypt(t.Context(), ourKeyID, []byte("blob"), nil)
		if errors.Is(err, wrap.ErrUnwrap) != unwrap || !unwrap && !strings.Contains(fmt.Sprint(err), code) {
			t.Errorf("%s: Decrypt = %v, want ErrUnwrap: %t", code, err, unwrap)
		}
		_, errEncrypt := k.Encrypt(t.Context(), ourKeyID, []byte("plain"), nil)
		_, _, errGenerate := k.GenerateDataKey(t.Context(), ourKeyID, 32, nil)
		for _, err := range []error{errEncrypt, errGenerate} {
			if err == nil || errors.Is(err, wrap.ErrUnwrap) || !strings.Contains(err.Error(), code) {
				t.Errorf("%s: got %v, want it passed through", code, err)
			}
		}
	}
	w.fail, w.code = http.StatusBadRequest, "NotFoundException"
	_, err := k.Decrypt(t.Context(), ourKeyID, []byte("blob"), nil)
	if _, ok := errors.AsType[*types.NotFoundException](err); !ok {
		t.Errorf("Decrypt = %v, want a *types.NotFoundException in it", err)
	}
}

func TestEndOfContext(t *testing.T) {
	k := mustNew(t, startWire(t).client())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := k.Decrypt(ctx, ourKeyID, []byte("blob"), nil); !errors.Is(err, context.Canceled) || errors.Is(err, wrap.ErrUnwrap) {
		t.Errorf("Decrypt = %v, want %v", err, context.Canceled)
	}
}

func TestNotReached(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	w := &wire{url: srv.URL}
	srv.Close()
	if _, err := mustNew(t, w.client()).Decrypt(t.Context(), ourKeyID, []byte("blob"), nil); err == nil || errors.Is(err, wrap.ErrUnwrap) {
		t.Errorf("Decrypt = %v, want an error that is not %v", err, wrap.ErrUnwrap)
	}
}

// A silentClient returns nothing at all.
type silentClient struct{}

func (silentClient) GenerateDataKey(context.Context, *kms.GenerateDataKeyInput, ...func(*kms.Options)) (*kms.GenerateDataKeyOutput, error) {
	return nil, nil
}

func (silentClient) Encrypt(context.Context, *kms.EncryptInput, ...func(*kms.Options)) (*kms.EncryptOutput, error) {
	return nil, nil
}

func (silentClient) Decrypt(context.Context, *kms.DecryptInput, ...func(*kms.Options)) (*kms.DecryptOutput, error) {
	return nil, nil
}

func TestSilentClient(t *testing.T) {
	k := mustNew(t, silentClient{})
	_, _, errGenerate := k.GenerateDataKey(t.Context(), ourKeyID, 32, nil)
	_, errEncrypt := k.Encrypt(t.Context(), ourKeyID, []byte("p"), nil)
	_, errDecrypt := k.Decrypt(t.Context(), ourKeyID, []byte("b"), nil)
	if errGenerate == nil || errEncrypt == nil || errDecrypt == nil {
		t.Errorf("got %v, %v, %v, want errors", errGenerate, errEncrypt, errDecrypt)
	}
	if _, err := awskms.New(nil); err == nil {
		t.Error("New(nil) = nil, want an error")
	}
}

// A valueClient is one that is no pointer, so that fmt looks into it.
type valueClient struct {
	silentClient
	secret [32]byte
}

// staticCredentials are where fmt could find them.
type staticCredentials aws.Credentials

func (c staticCredentials) Retrieve(context.Context) (aws.Credentials, error) {
	return aws.Credentials(c), nil
}

// TestPrintsNothing: neither the credentials of the SDK's client nor what another
// one holds are printed.
func TestPrintsNothing(t *testing.T) {
	secret := []byte("0123456789abcdef0123456789abcdef")
	client := kms.New(kms.Options{Region: "eu-west-1", Credentials: staticCredentials{AccessKeyID: "id", SecretAccessKey: string(secret)}})
	for want, client := range map[string]awskms.Client{
		"awskms.KMS(*kms.Client)": client, "awskms.KMS(awskms_test.valueClient)": valueClient{secret: [32]byte(secret)},
	} {
		k := mustNew(t, client)
		printtest.Hides(t, k, secret)
		if got := fmt.Sprintf("%+v", k); got != want {
			t.Errorf("printed %q, want %q", got, want)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	k := mustNew(t, startWire(t).client())
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			want := bytes.Repeat([]byte{byte(g)}, 32)
			blob, err := k.Encrypt(t.Context(), ourKeyID, want, nil)
			if err != nil {
				t.Error(err)
				return
			}
			if got, err := k.Decrypt(t.Context(), ourKeyID, blob, nil); err != nil || !bytes.Equal(got, want) {
				t.Errorf("Decrypt = %x, %v, want %x, nil", got, err, want)
			}
		})
	}
	wg.Wait()
}
