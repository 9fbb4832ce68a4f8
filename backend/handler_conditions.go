// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"net/http"
	"strings"
	"time"
)

// conditions evaluates the preconditions of a request, in the order of RFC 9110,
// section 13.2.2. The error is the answer, 412 or 304, if they do not hold.
func (a *answer) conditions(oi *ObjectInfo) error {
	h := a.r.Header
	tag := quoteETag(oi.ETag)
	if match := h.Values("If-Match"); len(match) > 0 {
		if !matchETag(match, tag, false) {
			return errPrecondition
		}
	} else if since, ok := dateOf(h, "If-Unmodified-Since"); ok && modified(oi, since) {
		return errPrecondition
	}
	unchanged := false
	if none := h.Values("If-None-Match"); len(none) > 0 {
		unchanged = matchETag(none, tag, true)
	} else if since, ok := dateOf(h, "If-Modified-Since"); ok {
		unchanged = !modified(oi, since)
	}
	if !unchanged {
		return nil
	}
	a.validators(oi)
	return errNotModified
}

var (
	errPrecondition = &statusError{http.StatusPreconditionFailed, "the object is another one", nil}
	errNotModified  = &statusError{http.StatusNotModified, "", nil}
)

// dateOf returns a date, if the object has one to be compared with it.
func dateOf(h http.Header, name string) (time.Time, bool) {
	date, err := http.ParseTime(h.Get(name))
	return date, err == nil
}

// modified says whether the object may be younger than date, in the seconds of
// HTTP. One without a date may be of any.
func modified(oi *ObjectInfo, date time.Time) bool {
	return oi.ModTime.IsZero() || oi.ModTime.Truncate(time.Second).After(date)
}

// ifRange says whether an If-Range, if there is one, holds. The date of an object
// is no strong validator, since it may have changed twice in a second.
func ifRange(h http.Header, etag string) bool {
	fields := h.Values("If-Range")
	if len(fields) == 0 {
		return true
	}
	tag := quoteETag(etag)
	return len(fields) == 1 && tag != "" && strings.Trim(fields[0], " \t") == tag
}

// quoteETag writes the ETag of a storage as HTTP does. It is empty if HTTP could
// not.
func quoteETag(etag string) string {
	etag = strings.Trim(etag, `"`)
	for _, c := range []byte(etag) {
		if c <= ' ' || c == '"' || c >= 0x7f {
			return ""
		}
	}
	if etag == "" {
		return ""
	}
	return `"` + etag + `"`
}

// matchETag says whether a list of entity tags names tag. A list that is
// malformed names nothing from there on. A weak tag matches only weakly.
func matchETag(fields []string, tag string, weakly bool) bool {
	list := strings.Trim(strings.Join(fields, ","), " \t")
	if list == "*" {
		return true
	}
	for list = strings.TrimLeft(list, " \t,"); list != "" && tag != ""; list = strings.TrimLeft(list, " \t,") {
		rest, weak := strings.CutPrefix(list, "W/")
		inner, ok := strings.CutPrefix(rest, `"`)
		if !ok {
			return false
		}
		value, after, ok := strings.Cut(inner, `"`)
		if !ok {
			return false
		}
		if `"`+value+`"` == tag && (weakly || !weak) {
			return true
		}
		list = after
	}
	return false
}
