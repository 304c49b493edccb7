/**
 * Ends every run with its totals alone on a line, for scripts that count tests. A file that could
 * not even be loaded counts as one failure: jest itself would report no failed test for it.
 */
class TotalsReporter {
  onRunComplete(_contexts, results) {
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const skipped = results.numPendingTests + results.numTodoTests;
    const totals = [`${results.numPassedTests} passed`, `${failed} failed`];
    if (skipped > 0) {
      totals.push(`${skipped} skipped`);
    }
    // Jest appends its own summary after every other reporter; this line has to come after it.
    process.once("exit", () => process.stdout.write(`\n${totals.join(", ")}\n`));
  }
}

module.exports = TotalsReporter;
