// Package middleware has ready-made middleware for services: what wraps handlers by
// [asynccalls.Service.Use] and [asynccalls.Service.UseResponses], and calls by
// [asynccalls.Service.UseCalls]; and [asynccalls.Hooks]. Each is a small file, to be read and to be copied
// from.
//
// Some of what is middleware elsewhere is part of the library, and needs none: panics
// are errors of one request, time limits and the number of handlers at a time are
// [asynccalls.Limits], also of an endpoint, and retries are [asynccalls.Retry].
package middleware
