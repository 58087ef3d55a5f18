// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package generation

import (
	"errors"
	"strings"
	"time"
	"unicode"
)

// Status is where a policy stands; it is shown as JSON.
type Status struct {
	// State is that of the latest candidate; Active if that is what runs.
	State State     `json:"state"`
	Since time.Time `json:"since"`
	// Source is where the module comes from.
	Source string `json:"source"`
	// Active is the generation that runs; nil if there is none.
	Active *Generation `json:"active,omitempty"`
	// Candidate is the digest of the latest candidate, if it is not Active and was fetched.
	Candidate string `json:"candidate,omitempty"`
	// Problem is why the latest candidate was rejected or could not be fetched, and Reason a word for that. A
	// policy with a problem may still have an Active generation.
	Problem string `json:"problem,omitempty"`
	Reason  string `json:"reason,omitempty"`
	// Activated and Rejected count candidates since the scheduler started.
	Activated int `json:"activated"`
	Rejected  int `json:"rejected"`
}

// Generation is one that runs.
type Generation struct {
	Generation int       `json:"generation"`
	Since      time.Time `json:"since"`
	// Digest is the module's SHA-256, in hexadecimal.
	Digest string `json:"digest"`
	// ConfigDigest is the config's.
	ConfigDigest string `json:"configDigest"`
	// Manifest is the digest of the OCI manifest.
	Manifest string   `json:"manifest,omitempty"`
	Signers  []string `json:"signers,omitempty"`
	// Remembered is set if the source was out of reach when the scheduler started, and this is what worked last.
	Remembered bool `json:"remembered,omitempty"`
}

// Status is where the policy stands now.
func (p *Pipeline) Status() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status
}

// enter notes the state of the candidate that is worked on.
func (p *Pipeline) enter(s State) {
	p.update(func(now *Status) { now.State = s })
}

// update changes the status, whose Active is never changed but replaced, so that copies hold.
func (p *Pipeline) update(change func(*Status)) Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.status.State
	change(&p.status)
	if p.status.State != before {
		p.status.Since = p.opts.Now()
	}
	return p.status
}

// activated notes that the candidate runs.
func (p *Pipeline) activated(c *Candidate) {
	now := p.update(func(s *Status) {
		s.State, s.Candidate = Active, ""
		if s.Activated++; !c.Remembered {
			s.Problem, s.Reason = "", ""
		}
		s.Active = &Generation{
			Generation: c.Number, Since: p.opts.Now(), Digest: c.Digest, ConfigDigest: hexDigest(c.Config),
			Manifest: c.Manifest, Signers: c.Signers, Remembered: c.Remembered,
		}
	})
	p.opts.Report(now, nil)
}

// maxProblem is the most bytes of a problem that are kept. It is shown in many places, and somebody else's server
// may have had a say in it.
const maxProblem = 2 << 10

// plain is a problem that fits, in lines without control characters.
func plain(problem string) string {
	if len(problem) > maxProblem {
		problem = strings.ToValidUTF8(problem[:maxProblem-3], "") + "..."
	}
	return strings.Map(func(r rune) rune {
		if r != '\n' && !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, problem)
}

// rejected notes why a candidate does not run, or why there is none. A problem that is known already is not news.
func (p *Pipeline) rejected(err error) {
	news := true
	now := p.update(func(s *Status) {
		problem, reason := plain(err.Error()), Reason(err)
		// What a source says about itself may differ each time.
		news = s.Reason != reason || s.Problem != problem && reason != Reason(ErrFetch)
		s.Problem, s.Reason = problem, reason
		switch {
		case !errors.Is(err, ErrFetch):
			s.State = Rejected
		case s.Active != nil:
			s.State = Active
		default:
			s.State = Fetching
		}
		s.Rejected++
	})
	if news {
		p.opts.Report(now, err)
	}
}
