#!/usr/bin/env node
/** Chrony Tracker. What ends it is caught first; all else is loaded after that. */
import { catchStopSignals } from "./stop-signal.ts";

catchStopSignals();
void import("./command.ts").then(({ runCommandLine }) => runCommandLine());
