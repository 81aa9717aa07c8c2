#!/usr/bin/env node
/** Chrony Tracker's entry. Handles signals first, and loads everything else after that. */
import { catchStopSignals } from "./stop-signal.ts";

catchStopSignals();
void import("./command.ts").then(({ runCommandLine }) => runCommandLine());
