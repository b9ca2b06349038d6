A CMOS inverter charges and discharges a capacitor

* Swept: the supply voltage in volts, and the width of the PMOS transistor in micrometres.
.param vdd={{ vdd }} wp={{ wp }}u

* Level 1 is the square law of Shichman and Hodges. Without an oxide thickness (TOX), a transistor has no
* capacitance of its own, so the load is all there is to charge.
.model mynmos nmos level=1 vto=0.4  kp=200u lambda=0
.model mypmos pmos level=1 vto=-0.4 kp=80u  lambda=0

vsupply supply 0 {vdd}
vin     in     0 pulse(0 {vdd} 1n 1p 1p 25n 50n)
mp      out in supply supply mypmos w={wp} l=0.2u
mn      out in 0      0      mynmos w=1u   l=0.2u
cload   out 0 50f

.ic v(out)={vdd}
.options reltol=1e-5
.tran 2p 51n 0 2p

* From half the step of the input to half the step of the output; the propagation delay is the mean of both.
.meas tran fall trig v(in) val={vdd/2} rise=1 targ v(out) val={vdd/2} fall=1
.meas tran rise trig v(in) val={vdd/2} fall=1 targ v(out) val={vdd/2} rise=1
.meas tran delay param='(fall+rise)/2'
.end
