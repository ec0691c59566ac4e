// Package backtest evaluates forecasts of a load trace by rolling origin: it forecasts again and again from moments in the past, each time
// from nothing but the values known then. Its measure is the weighted absolute percentage error (WAPE): the sum of the absolute errors
// divided by the sum of the values.
package backtest
