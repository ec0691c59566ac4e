// Package rolling judges forecasts of a load trace as a server would have had to make them: again and again from moments in the
// past, each time from nothing but what was known then. Its measure is the weighted absolute percentage error (WAPE): the sum
// of the errors' sizes over the sum of the values.
package rolling
