package main

import (
	"math"
	"sync"
	"time"
)

// Limit is a rate limit, as in the admin API.
type Limit struct {
	RequestsPerMinute float64 `json:"requestsPerMinute"`
	Burst             int     `json:"burst"`
	RetryAfter        bool    `json:"retryAfter"`
}

// limiter is a token bucket that all clients share.
type limiter struct {
	mu     sync.Mutex
	limit  Limit
	tokens float64
	last   time.Time
}

// set starts with a full bucket.
func (l *limiter) set(limit Limit, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.limit, l.tokens, l.last = limit, float64(limit.Burst), now
}

// get returns nil if there is no limit.
func (l *limiter) get() *Limit {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.limit.RequestsPerMinute == 0 {
		return nil
	}
	limit := l.limit
	return &limit
}

// take returns false if the limit is reached and, if the limit has RetryAfter, the seconds until the next request
// passes.
func (l *limiter) take(now time.Time) (ok bool, retryAfter int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.limit.RequestsPerMinute == 0 {
		return true, 0
	}
	perSecond := l.limit.RequestsPerMinute / 60
	l.tokens = math.Min(float64(l.limit.Burst), l.tokens+now.Sub(l.last).Seconds()*perSecond)
	l.last = now
	if l.tokens >= 1 {
		l.tokens--
		return true, 0
	}
	if !l.limit.RetryAfter {
		return false, 0
	}
	return false, max(1, int(math.Ceil((1-l.tokens)/perSecond)))
}
