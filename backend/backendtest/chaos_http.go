// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

var (
	errReset = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	errLost  = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ETIMEDOUT}
)

// A chaosTransport does to requests of the S3 protocol and to their answers what
// a schedule says.
type chaosTransport struct {
	schedule *Schedule
	next     http.RoundTripper
}

// ChaosTransport returns a transport between a client of the S3 protocol and a
// server, which next leads to: s happens to what passes. It also watches that
// whatever is sent again is the same.
func ChaosTransport(s *Schedule, next http.RoundTripper) http.RoundTripper {
	return &chaosTransport{s, next}
}

// RoundTrip does what http.RoundTripper says, most of the time.
func (c *chaosTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	e := &exchange{s: c.schedule, next: c.next, kind: requestKind(req)}
	e.tee(req)
	if c.schedule.isDead() {
		return nil, e.refuse()
	}
	f := c.schedule.hit(e.kind)
	if f == nil {
		return e.forward()
	}
	return e.suffer(f)
}

// requestKind says what a request is for.
func requestKind(req *http.Request) string {
	q := req.URL.Query()
	copies := req.Header.Get("X-Amz-Copy-Source") != ""
	switch {
	case q.Has("uploads") && req.Method == http.MethodPost:
		return kindStart
	case q.Has("uploads"):
		return kindUploads
	case copies:
		return kindCopy
	case q.Has("partNumber"):
		return kindPart
	case q.Has("uploadId"):
		return map[string]string{http.MethodPost: kindComplete, http.MethodGet: kindParts, http.MethodDelete: kindAbort}[req.Method]
	case q.Has("list-type") || q.Has("versions"):
		return kindList
	case q.Has("tagging") || q.Has("retention") || q.Has("legal-hold"):
		return "" // nothing happens to those
	case req.Method == http.MethodGet && strings.HasSuffix(req.URL.Path, ".instruction"):
		return kindInstruction
	}
	return strings.ToLower(req.Method)
}

// An exchange is one request with its answer.
type exchange struct {
	s    *Schedule
	next http.RoundTripper
	kind string
	req  *http.Request
	body *teeBody // nil if there is none
}

// tee makes the request one whose body is remembered as far as it was sent.
func (e *exchange) tee(req *http.Request) {
	e.req = req.Clone(req.Context())
	e.req.GetBody = nil // nothing is sent again behind our back
	if req.Body == nil || req.Body == http.NoBody {
		return
	}
	e.body = &teeBody{src: req.Body, left: -1}
	e.req.Body = e.body
}

// refuse gives the request up before any of it is sent.
func (e *exchange) refuse() error {
	if e.body != nil {
		e.body.Close()
	}
	if e.kind == kindAbort {
		e.s.tell(func(a *account) { a.adrift = true })
	}
	return errReset
}

// forward sends the request, and notes what became of it.
func (e *exchange) forward() (*http.Response, error) {
	resp, err := e.next.RoundTrip(e.req)
	e.remember()
	e.s.tell(func(a *account) {
		gone := err != nil // it may arrive all the same, even later
		done := err == nil && resp.StatusCode < 300
		switch e.kind {
		case kindPut, kindComplete, kindCopy, kindDelete:
			a.sent = a.sent || gone || done
			a.ghost = a.ghost || gone
			a.adrift = a.adrift || gone
		case kindAbort:
			a.adrift = a.adrift || !done && (gone || resp.StatusCode != http.StatusNotFound)
		case kindStart, kindPart:
			a.adrift = a.adrift || gone
		}
	})
	if err == nil && e.kind == kindStart {
		err = e.started(resp)
	}
	return resp, err
}

// remember tells what was sent of a message.
func (e *exchange) remember() {
	if e.body == nil {
		return
	}
	switch q := e.req.URL.Query(); e.kind {
	case kindPut:
		e.s.messages.sent(messageOf(metadataOf(e.req.Header)), 1, e.body.sent())
	case kindPart:
		number, _ := strconv.Atoi(q.Get("partNumber"))
		e.s.messages.sentPart(q.Get("uploadId"), number, e.body.sent())
	}
}

// metadataOf returns the metadata that a request has in its headers.
func metadataOf(header http.Header) map[string]string {
	meta := make(map[string]string)
	for name, values := range header {
		if bare, ok := strings.CutPrefix(strings.ToLower(name), "x-amz-meta-"); ok {
			meta[bare] = values[0]
		}
	}
	return lowerNames(meta)
}

var uploadID = regexp.MustCompile(`<UploadId>([^<]+)</UploadId>`)

// started finds out the ID of an upload.
func (e *exchange) started(resp *http.Response) error {
	b, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(b))
	if m := uploadID.FindSubmatch(b); m != nil {
		e.s.messages.start(string(m[1]), messageOf(metadataOf(e.req.Header)))
	}
	return err
}

// suffer is forward with a fault.
func (e *exchange) suffer(f *fault) (*http.Response, error) {
	switch f.class {
	case FaultCut:
		return e.cut(f)
	case FaultStatus:
		status := []int{503, 500, 429, 408}[f.variant%4]
		return e.answer(status, []string{"SlowDown", "InternalError", "SlowDown", "RequestTimeout"}[f.variant%4]), nil
	case FaultClock:
		return e.answer(http.StatusForbidden, []string{"RequestTimeTooSkewed", "ExpiredToken", "InvalidAccessKeyId"}[f.variant%3]), nil
	case FaultLength:
		return e.altered(f, alterLength)
	case FaultRange:
		return e.altered(f, alterRange)
	case FaultChanged:
		if f.variant%4 == 0 && e.kind == kindGet {
			return e.altered(f, func(_ *fault, resp *http.Response) { resp.Header.Set("ETag", `"another"`) })
		}
		e.s.change()
	case FaultAnswer:
		return e.misanswer(f)
	case FaultKilled:
		return e.killed(f)
	case FaultCanceled:
		return e.canceled(f)
	case FaultKeys:
		return e.instruction(f), nil
	case FaultOrder:
		time.Sleep(f.pause)
	}
	return e.forward()
}

// cut ends the connection in the middle of the body that there is, or loses the
// answer.
func (e *exchange) cut(f *fault) (*http.Response, error) {
	broken := []error{errReset, io.ErrUnexpectedEOF}[f.variant%2]
	switch {
	case e.body != nil && e.req.ContentLength > 0 && f.variant%3 > 0:
		e.body.cut(min(f.where(e.req.ContentLength), e.req.ContentLength-1), broken)
		return e.forward()
	case e.kind != kindGet:
		return e.lose()
	}
	return e.altered(f, func(f *fault, resp *http.Response) {
		resp.Body = &cutBody{ReadCloser: resp.Body, left: f.where(resp.ContentLength), err: broken}
	})
}

// lose sends the request and throws its answer away.
func (e *exchange) lose() (*http.Response, error) {
	resp, err := e.forward()
	if err != nil {
		return nil, err
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if e.kind == kindStart {
		e.s.tell(func(a *account) { a.adrift = true })
	}
	return nil, errLost
}

// altered forwards the request and changes the answer, if that is a good one.
func (e *exchange) altered(f *fault, alter func(*fault, *http.Response)) (*http.Response, error) {
	resp, err := e.forward()
	if err == nil && resp.StatusCode < 300 {
		alter(f, resp)
	}
	return resp, err
}

// alterLength makes an answer one with a body of another length, or of none.
func alterLength(f *fault, resp *http.Response) {
	switch n := resp.ContentLength; {
	case f.variant%4 == 0:
		resp.Body = &cutBody{ReadCloser: resp.Body, left: f.where(max(n-1, 0)), err: io.EOF}
	case f.variant%4 == 1:
		resp.ContentLength = -1
		resp.Header.Del("Content-Length")
	case f.variant%4 == 2 && n > 0:
		resp.ContentLength = n - 1
		resp.Header.Set("Content-Length", strconv.FormatInt(n-1, 10))
		resp.Body = &cutBody{ReadCloser: resp.Body, left: n - 1, err: io.EOF}
	default:
		resp.Body = &extraBody{io.MultiReader(resp.Body, strings.NewReader("more")), resp.Body}
	}
}

// alterRange makes an answer one about another range; one about none stays. What
// it says is then as wrong as its body, which is one byte further on.
func alterRange(f *fault, resp *http.Response) {
	got := resp.Header.Get("Content-Range")
	if got == "" {
		return
	}
	resp.Body = &extraBody{io.MultiReader(&laterBody{resp.Body}, strings.NewReader("x")), resp.Body}
	switch f.variant % 4 {
	case 0:
		resp.StatusCode = http.StatusOK
		resp.Header.Del("Content-Range")
	case 1:
		resp.Header.Set("Content-Range", shiftRange(got))
	case 2:
		resp.Header.Set("Content-Range", strings.Replace(got, "bytes ", "bytes 1", 1))
	case 3:
		resp.Header.Del("Content-Range")
		resp.Header.Set("Content-Type", "multipart/byteranges; boundary=b")
	}
}

var rangePattern = regexp.MustCompile(`^bytes (\d+)-(\d+)/(\d+)$`)

// shiftRange returns the Content-Range one byte further on.
func shiftRange(s string) string {
	m := rangePattern.FindStringSubmatch(s)
	if m == nil {
		return s
	}
	first, _ := strconv.Atoi(m[1])
	last, _ := strconv.Atoi(m[2])
	return "bytes " + strconv.Itoa(first+1) + "-" + strconv.Itoa(last+1) + "/" + m[3]
}

// misanswer gives an answer to a change that says something else than what became
// of it.
func (e *exchange) misanswer(f *fault) (*http.Response, error) {
	const failed = "<Error><Code>AccessDenied</Code><Message>sorry</Message></Error>"
	switch {
	case f.variant%3 == 0 && e.kind == kindComplete:
		return e.made(http.StatusOK, failed), nil
	case f.variant%3 == 1 && (e.kind == kindComplete || e.kind == kindCopy):
		if _, err := e.lose(); !errors.Is(err, errLost) {
			return nil, err
		}
		return e.made(http.StatusOK, "<html>a proxy</html>"), nil
	}
	return e.lose()
}

// killed ends the process before the request is sent, or after it.
func (e *exchange) killed(f *fault) (*http.Response, error) {
	e.s.kill()
	if f.variant%2 == 0 {
		return nil, e.refuse()
	}
	return e.lose()
}

// canceled ends the context of the caller: before the request, after its answer,
// or while its answer is awaited.
func (e *exchange) canceled(f *fault) (*http.Response, error) {
	switch f.variant % 3 {
	case 0:
		e.s.cancel()
		return e.forward()
	case 1:
		resp, err := e.forward()
		e.s.cancel()
		return resp, err
	}
	stop := time.AfterFunc(f.pause, e.s.canceler())
	defer stop.Stop()
	select {
	case <-e.req.Context().Done():
	case <-time.After(f.pause + 20*time.Millisecond):
	}
	return e.forward()
}

// instruction answers for an instruction file.
func (e *exchange) instruction(f *fault) *http.Response {
	switch f.variant % 5 {
	case 0:
		return e.answer(http.StatusNotFound, "NoSuchKey")
	case 1:
		return e.answer(http.StatusForbidden, "AccessDenied")
	case 2:
		return e.made(http.StatusOK, "<html>a proxy</html>")
	case 3:
		return e.made(http.StatusOK, "")
	}
	resp := e.made(http.StatusOK, "")
	resp.ContentLength, resp.Body = 5<<30, io.NopCloser(endless{})
	resp.Header.Set("Content-Length", strconv.FormatInt(5<<30, 10))
	return resp
}

// answer makes an answer that the server did not give, to a request that it did
// not get.
func (e *exchange) answer(status int, code string) *http.Response {
	if e.kind == kindAbort {
		e.s.tell(func(a *account) { a.adrift = true })
	}
	if e.kind == kindHead {
		return e.made(status, "")
	}
	return e.made(status, "<Error><Code>"+code+"</Code><Message>chaos</Message></Error>")
}

func (e *exchange) made(status int, body string) *http.Response {
	if e.body != nil {
		e.body.Close()
	}
	resp := &http.Response{
		StatusCode: status, Status: http.StatusText(status), Request: e.req,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
	resp.Header.Set("Etag", `"made"`)
	resp.Header.Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
	resp.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return resp
}
